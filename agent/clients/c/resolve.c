/* Asks the Headland agent on this device which version to use for a task, and prints it with its age.
 *
 *   cc -std=c99 -Wall -o resolve resolve.c -lcurl
 *   ./resolve /run/headland/agent.sock image-classification
 *
 * Prints the version and the age of the answer in milliseconds, "unknown" where nobody knows it. Exit codes: 0 there is
 * a version; 1 the agent could not be asked, or refused; 2 wrong arguments; 3 nothing fits.
 *
 * The age comes from a header, the version from the JSON of the body. This reads just that one text out of the body;
 * a program that wants more of it takes a library for JSON.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The longest answer that is read: a resolution lists at most a thousand versions that were refused. */
#define ANSWER_BYTES_MAX (4u * 1024u * 1024u)
/* The agent answers from its own store; what takes longer than this will not come. */
#define TIMEOUT_MS 10000L

struct text {
    char *bytes;
    size_t length;
};

/* Appends to the text; a short count makes libcurl give up with CURLE_WRITE_ERROR. */
static size_t take_body(char *piece, size_t size, size_t count, void *into)
{
    struct text *body = into;
    size_t more = size * count;
    char *grown;

    if (more > ANSWER_BYTES_MAX - body->length)
        return 0;
    grown = realloc(body->bytes, body->length + more + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + body->length, piece, more);
    body->bytes = grown;
    body->length += more;
    body->bytes[body->length] = '\0';
    return more;
}

/* Keeps the value of the header that tells the age. */
static size_t take_header(char *line, size_t size, size_t count, void *into)
{
    static const char name[] = "headland-age-ms:";
    char *age = into;
    size_t length = size * count;

    if (length > sizeof name && length < 64 && strncasecmp(line, name, sizeof name - 1) == 0) {
        char value[64];
        memcpy(value, line, length);
        value[length] = '\0';
        sscanf(value + sizeof name - 1, " %31[0-9]", age);
    }
    return length;
}

/* The length of a JSON string's inside, from behind its first quote; escapes are skipped, not decoded. */
static size_t inside(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0' && text[length] != '"')
        length += text[length] == '\\' && text[length + 1] != '\0' ? 2 : 1;
    return length;
}

/* Puts a text as JSON between quotes. Returns 0 when there is no room. */
static int quoted(char *out, size_t room, const char *text)
{
    size_t at = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        int plain = c >= 0x20 && c != '"' && c != '\\';
        int wrote = snprintf(out + at, room - at, plain ? "%c" : "\\u%04x", c);
        if (wrote < 0 || (size_t)wrote >= room - at)
            return 0;
        at += (size_t)wrote;
    }
    return 1;
}

/* Prints the version out of an answer; returns the exit code. */
static int show(const char *body, const char *age)
{
    const char *answer = strstr(body, "\"answer\":");
    const char *version;

    if (answer == NULL) {
        fprintf(stderr, "resolve: the agent's answer is not understood\n");
        return 1;
    }
    if (strncmp(answer + strlen("\"answer\":"), "null", 4) == 0) {
        fprintf(stderr, "resolve: nothing fits; `headland-agent resolve` tells why\n");
        return 3;
    }
    version = strstr(answer, "\"version\":\"");
    if (version == NULL) {
        fprintf(stderr, "resolve: the agent's answer is not understood\n");
        return 1;
    }
    version += strlen("\"version\":\"");
    printf("%.*s %s\n", (int)inside(version), version, age[0] == '\0' ? "unknown" : age);
    return 0;
}

static int ask(CURL *curl, const char *socket, const char *question, struct text *body, char *age)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode failed;
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/v1/resolve");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, age);
    failed = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (failed != CURLE_OK) {
        fprintf(stderr, "resolve: asking %s: %s; is the agent running, and may this user use its socket?\n", socket,
                curl_easy_strerror(failed));
        return 1;
    }
    if (status != 200) {
        /* A problem by RFC 9457: it says what was being done, and the remedy. */
        fprintf(stderr, "resolve: the agent refused with status %ld: %s\n", status, body->bytes ? body->bytes : "");
        return 1;
    }
    return 0;
}

int main(int count, char **arguments)
{
    struct text body = { NULL, 0 };
    char age[32] = "", task[1024], question[1100];
    CURL *curl;
    int code;

    if (count != 3 || !quoted(task, sizeof task, arguments[2])) {
        fprintf(stderr, "usage: %s SOCKET TASK\n", count > 0 ? arguments[0] : "resolve");
        return 2;
    }
    snprintf(question, sizeof question, "{\"task\":\"%s\"}", task);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    if (curl == NULL) {
        fprintf(stderr, "resolve: libcurl cannot be used here\n");
        return 1;
    }
    code = ask(curl, arguments[1], question, &body, age);
    if (code == 0)
        code = show(body.bytes ? body.bytes : "", age);
    free(body.bytes);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return code;
}
