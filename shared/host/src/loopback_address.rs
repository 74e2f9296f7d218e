//! Addresses to listen on that no other machine can reach.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A port of this machine alone, which its clients can know: a loopback address, and no port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopbackAddress(SocketAddr);

/// Why a text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackAddressError {
    /// It is no address at all.
    #[error("{0:?} is no address: write it as \"127.0.0.1:1883\"")]
    NotAnAddress(String),
    /// Other machines reach it.
    #[error("{0:?} can be reached from other machines, and clients do not prove who they are yet: use 127.0.0.1:PORT")]
    Reachable(String),
    /// The machine would choose the port.
    #[error("clients must know the port: use 1 to 65535")]
    NoPort,
}

impl LoopbackAddress {
    /// Port `port` of 127.0.0.1, which must not be 0.
    ///
    /// # Errors
    ///
    /// When it is.
    pub fn ipv4(port: u16) -> Result<Self, LoopbackAddressError> {
        if port == 0 {
            return Err(LoopbackAddressError::NoPort);
        }
        Ok(Self(SocketAddr::from(([127, 0, 0, 1], port))))
    }

    /// The address.
    #[must_use]
    pub fn get(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for LoopbackAddress {
    type Err = LoopbackAddressError;

    fn from_str(text: &str) -> Result<Self, LoopbackAddressError> {
        let address: SocketAddr = text
            .parse()
            .map_err(|_| LoopbackAddressError::NotAnAddress(text.to_owned()))?;
        if !address.ip().is_loopback() {
            return Err(LoopbackAddressError::Reachable(text.to_owned()));
        }
        if address.port() == 0 {
            return Err(LoopbackAddressError::NoPort);
        }
        Ok(Self(address))
    }
}

impl fmt::Display for LoopbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for LoopbackAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_with_a_port_is_taken() {
        for (text, wanted) in [
            ("0.0.0.0:1883", "other machines"),
            ("192.168.0.7:1883", "other machines"),
            ("[::]:1883", "other machines"),
            ("[::ffff:127.0.0.1]:1883", "other machines"),
            ("127.0.0.1:0", "1 to 65535"),
            ("localhost", "127.0.0.1:1883"),
            ("127.0.0.1", "127.0.0.1:1883"),
        ] {
            let error = text.parse::<LoopbackAddress>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        for text in ["127.0.0.1:7411", "127.9.9.9:1", "[::1]:65535"] {
            assert_eq!(text.parse::<LoopbackAddress>().unwrap().to_string(), text);
        }
        assert_eq!(LoopbackAddress::ipv4(0), Err(LoopbackAddressError::NoPort));
    }
}
