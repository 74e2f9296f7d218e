//! Where an MQTT broker is, and which region it speaks for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The TCP port of MQTT when an address names none.
pub const PORT_DEFAULT: u16 = 1883;

/// The region when an address names none.
pub const REGION_DEFAULT: &str = "main";

/// The longest name of a region, in characters: it is one level of every topic and is read by
/// people.
pub const REGION_CHARS_MAX: usize = 32;

/// A broker on this machine, written `mqtt://host[:port][/region]`.
///
/// Plain TCP carries no proof of who is at the other end, so only loopback hosts are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerAddress {
    host: String,
    port: u16,
    region: String,
}

impl BrokerAddress {
    /// The host as it is dialled: a name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The region this broker carries.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// Why a text is not the address of a broker this version can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerAddressError {
    /// The text does not start with a scheme this version knows.
    #[error("reading broker address {0:?}: write it as \"mqtt://host[:port][/region]\"")]
    Scheme(String),
    /// The address asks for TLS.
    #[error(
        "reading broker address {0:?}: TLS needs device identity, which this version does not have yet; use \"mqtt://\" to a broker on this machine, or to a tunnel"
    )]
    Tls(String),
    /// The address holds a user name or a password.
    // The address is left out: errors end in logs, and a password must not.
    #[error("reading a broker address: it may hold no user name or password; remove what comes before \"@\"")]
    Credentials,
    /// The host is missing or misspelt.
    #[error("reading broker address {0:?}: it has no host; write it as \"mqtt://host[:port][/region]\"")]
    Host(String),
    /// The host is another machine.
    #[error(
        "reading broker address {text:?}: plain TCP is for this machine only, and {host:?} is not it; tunnel it, or run a broker on this machine"
    )]
    NotLoopback {
        /// The whole address.
        text: String,
        /// The host in it.
        host: String,
    },
    /// The port is not one.
    #[error("reading broker address {0:?}: its port is not a number from 1 to 65535")]
    Port(String),
    /// The region is misspelt.
    #[error("reading broker address {0:?}: a region is 1 to {REGION_CHARS_MAX} of the characters a-z, 0-9 and \"-\"")]
    Region(String),
}

impl FromStr for BrokerAddress {
    type Err = BrokerAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = || text.to_owned();
        if text.starts_with("mqtts://") {
            return Err(BrokerAddressError::Tls(whole()));
        }
        let rest = text
            .strip_prefix("mqtt://")
            .ok_or_else(|| BrokerAddressError::Scheme(whole()))?;
        let (authority, region) = match rest.split_once('/') {
            Some((authority, "")) => (authority, REGION_DEFAULT),
            Some((authority, region)) => (authority, region),
            None => (rest, REGION_DEFAULT),
        };
        if authority.contains('@') {
            return Err(BrokerAddressError::Credentials);
        }
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return Err(BrokerAddressError::Host(whole()));
        }
        if !is_loopback(host) {
            return Err(BrokerAddressError::NotLoopback {
                text: whole(),
                host: host.to_owned(),
            });
        }
        let port = match port {
            None => PORT_DEFAULT,
            Some(digits) => port_of(digits).ok_or_else(|| BrokerAddressError::Port(whole()))?,
        };
        if !is_region(region) {
            return Err(BrokerAddressError::Region(whole()));
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
            region: region.to_owned(),
        })
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after_brackets..].rfind(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_brackets + colon);
            (host, Some(&port[1..]))
        }
        None => (authority, None),
    }
}

fn is_loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match bracketed {
        Some(inner) => matches!(inner.parse(), Ok(IpAddr::V6(ip)) if ip.is_loopback()),
        None => matches!(host.parse(), Ok(IpAddr::V4(ip)) if ip.is_loopback()),
    }
}

fn port_of(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|port| *port != 0)
}

fn is_region(text: &str) -> bool {
    (1..=REGION_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}:{}/{}", self.host, self.port, self.region)
    }
}

impl TryFrom<String> for BrokerAddress {
    type Error = BrokerAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BrokerAddress> for String {
    fn from(address: BrokerAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{BrokerAddress, BrokerAddressError};

    fn parse(text: &str) -> Result<BrokerAddress, BrokerAddressError> {
        text.parse()
    }

    #[test]
    fn port_and_region_have_defaults() {
        for (text, whole) in [
            ("mqtt://localhost", "mqtt://localhost:1883/main"),
            ("mqtt://localhost/", "mqtt://localhost:1883/main"),
            ("mqtt://LocalHost:18830", "mqtt://localhost:18830/main"),
            ("mqtt://127.0.0.1/north-2", "mqtt://127.0.0.1:1883/north-2"),
            ("mqtt://127.9.9.9:1/a", "mqtt://127.9.9.9:1/a"),
            ("mqtt://[::1]", "mqtt://[::1]:1883/main"),
            ("mqtt://[::1]:1884/east", "mqtt://[::1]:1884/east"),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address.to_string(), whole);
            assert_eq!(parse(whole).unwrap(), address);
        }
    }

    #[test]
    fn tls_is_known_and_refused() {
        let error = parse("mqtts://localhost").unwrap_err();
        assert!(error.to_string().contains("device identity"), "{error}");
    }

    #[test]
    fn other_machines_are_refused_with_a_remedy() {
        for host in [
            "192.168.1.5",
            "broker.example",
            "[2001:db8::1]",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "::1",
            "localhost.example",
        ] {
            let error = parse(&format!("mqtt://{host}:1883/main")).unwrap_err();
            assert!(
                matches!(error, BrokerAddressError::NotLoopback { .. }),
                "{host}: {error:?}"
            );
            assert!(error.to_string().contains("tunnel it"), "{error}");
        }
    }

    #[test]
    fn each_misspelling_has_its_error() {
        type Error = BrokerAddressError;
        let of = |text: &str| parse(text).unwrap_err();
        let whole = |text: &str| text.to_owned();
        for text in ["", "localhost", "http://localhost"] {
            assert_eq!(of(text), Error::Scheme(whole(text)));
        }
        for text in ["mqtt://", "mqtt:///main", "mqtt://:1883"] {
            assert_eq!(of(text), Error::Host(whole(text)));
        }
        for port in ["", "0", "65536", "+1", "x"] {
            let text = format!("mqtt://localhost:{port}");
            assert_eq!(of(&text), Error::Port(text.clone()));
        }
        let long = "r".repeat(33);
        for region in ["North", "a/b", "a b", "main?x", "a/", &long] {
            let text = format!("mqtt://localhost/{region}");
            assert_eq!(of(&text), Error::Region(text.clone()));
        }
    }

    #[test]
    fn password_is_refused_and_not_repeated() {
        let error = parse("mqtt://me:secret@localhost").unwrap_err();
        assert_eq!(error, BrokerAddressError::Credentials);
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn serialized_form_is_the_string() {
        let address: BrokerAddress = serde_json::from_str("\"mqtt://localhost/east\"").unwrap();
        assert_eq!(address.region(), "east");
        let text = serde_json::to_string(&address).unwrap();
        assert_eq!(text, "\"mqtt://localhost:1883/east\"");
        assert!(serde_json::from_str::<BrokerAddress>("\"mqtt://10.0.0.1\"").is_err());
    }
}
