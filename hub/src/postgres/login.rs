//! Beginning a session: who one is, and the proof of it.

use super::connection::{Connection, Purpose};
use super::error::PgError;
use super::server::{Server, TlsMode};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

/// How values are written and texts are read, whatever the database's own settings say; and that nothing hurries a
/// snapshot.
const OPTIONS: &str = "-c standard_conforming_strings=on -c bytea_output=hex -c datestyle=ISO \
                       -c intervalstyle=postgres -c extra_float_digits=3 -c statement_timeout=0 \
                       -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";

/// Logs in, up to the server being ready.
pub(super) async fn log_in(connection: &mut Connection, server: &Server, purpose: Purpose) -> Result<(), PgError> {
    let mut parameters = vec![
        ("user", server.user.as_str()),
        ("database", server.database.as_str()),
        ("application_name", server.application.as_str()),
        ("client_encoding", "UTF8"),
        ("options", OPTIONS),
    ];
    if purpose == Purpose::Replication {
        parameters.push(("replication", "database"));
    }
    connection
        .send(|out| frontend::startup_message(parameters, out))
        .await?;
    loop {
        match connection.message().await? {
            Message::AuthenticationOk => {}
            Message::AuthenticationSasl(_) => prove(connection, &password(server)?).await?,
            Message::AuthenticationMd5Password(body) => {
                let password = password(server)?;
                let hash = md5_hash(server.user.as_bytes(), password.as_bytes(), body.salt());
                connection
                    .send(|out| frontend::password_message(hash.as_bytes(), out))
                    .await?;
            }
            // In the clear only where nobody listens.
            Message::AuthenticationCleartextPassword if server.tls != TlsMode::Local => {
                let password = password(server)?;
                connection
                    .send(|out| frontend::password_message(password.as_bytes(), out))
                    .await?;
            }
            Message::BackendKeyData(_) => {}
            Message::ReadyForQuery(_) => return Ok(()),
            _ => {
                let text = "the server wants a proof other than a password; let pg_hba.conf say scram-sha-256";
                return Err(PgError::Login(text.to_owned()));
            }
        }
    }
}

fn password(server: &Server) -> Result<String, PgError> {
    server
        .password()?
        .ok_or_else(|| PgError::Login("the server asks for a password; set registry.postgres.password_file".to_owned()))
}

/// SCRAM-SHA-256 (RFC 7677): neither side learns the password of the other.
async fn prove(connection: &mut Connection, password: &str) -> Result<(), PgError> {
    let wrong = |error: std::io::Error| PgError::Login(format!("the server's proof is wrong: {error}"));
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let first = scram.message().to_vec();
    connection
        .send(|out: &mut BytesMut| frontend::sasl_initial_response(SCRAM_SHA_256, &first, out))
        .await?;
    let Message::AuthenticationSaslContinue(body) = connection.message().await? else {
        return Err(PgError::Login("the server broke off the proof".to_owned()));
    };
    scram.update(body.data()).map_err(wrong)?;
    let second = scram.message().to_vec();
    connection.send(|out| frontend::sasl_response(&second, out)).await?;
    let Message::AuthenticationSaslFinal(body) = connection.message().await? else {
        return Err(PgError::Login("the server broke off the proof".to_owned()));
    };
    scram.finish(body.data()).map_err(wrong)
}
