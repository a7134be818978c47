//! Where a database is, and who may be told its password: nobody.

use core::fmt;
use core::str::FromStr;
use std::net::IpAddr;

use postgres::Config;
use postgres::config::{Host, SslMode};

use crate::store::StoreError;

/// Where Debian, and most others, have the socket of a server.
#[cfg(unix)]
const USUAL_SOCKET: &str = "/var/run/postgresql";

/// The address of a PostgreSQL database: `postgres://USER@HOST:PORT/DATABASE`, or `postgres:///DATABASE?host=/FOLDER` for the
/// Unix socket in a folder.
///
/// This client speaks no TLS. It therefore goes over a Unix socket or to the machine itself; a server elsewhere is reached
/// through a tunnel that ends here (`ssh -L`, WireGuard, stunnel). Whoever has another protection of the way between says so
/// with `?sslmode=disable`.
///
/// A password in the address, or given by [`password`](Self::password), is in no text form of this type, in no error and in
/// no [`Debug`]. It is kept in memory as long as the store, since a lost connection is made again, and is not wiped.
#[derive(Clone)]
pub struct PostgresAddress {
    config: Config,
    shown: String,
}

impl PostgresAddress {
    /// Whether a text is meant as such an address.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Gives the password, unless the address has one.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        if self.config.get_password().is_none() {
            self.config.password(password);
        }
        self
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }
}

impl FromStr for PostgresAddress {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let refused = |reason| StoreError::Address { reason };
        if !Self::is_meant_by(text) {
            return Err(refused("it does not begin with postgres://"));
        }
        // The client's own words are not passed on: a password with a sign too much would be in them.
        let mut config: Config = text.parse().map_err(|_| {
            refused("expected postgres://USER@HOST:PORT/DATABASE, with %40 for @ and %2F for / in a password")
        })?;
        let Some(database) = config.get_dbname().filter(|name| !name.is_empty()).map(str::to_owned) else {
            return Err(refused("it names no database"));
        };
        #[cfg(unix)]
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host_path(USUAL_SOCKET);
        }
        match config.get_ssl_mode() {
            SslMode::Disable => {}
            SslMode::Prefer
                if config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback) => {
            }
            SslMode::Prefer => {
                return Err(refused(
                    "the server is another machine, and this client does not encrypt: use a tunnel that ends on this one, \
                     or say ?sslmode=disable if the way is protected",
                ));
            }
            _ => return Err(refused("this client speaks no TLS: use a Unix socket or a tunnel")),
        }
        let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let shown = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => format!("postgres://{user}{name}:{port}/{database}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => format!("postgres://{user}/{database}?host={}", folder.display()),
            None => match config.get_hostaddrs().first() {
                Some(address) => format!("postgres://{user}{address}:{port}/{database}"),
                None => return Err(refused("it names no host")),
            },
        };
        Ok(Self { config, shown })
    }
}

/// Whether nobody else is on the way to this host.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresAddress").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_password_is_in_no_text() {
        for text in [
            "postgres://desk:hunter2@localhost/registry",
            "postgresql://desk:hunter2@127.0.0.1:5433/registry",
            "postgres:///registry?host=/run/pg&user=desk&password=hunter2",
        ] {
            let address: PostgresAddress = text.parse().unwrap();
            assert_eq!(address.config().get_password(), Some(&b"hunter2"[..]));
            for shown in
                [address.to_string(), format!("{address:?}"), format!("{:?}", address.clone().password("other"))]
            {
                assert!(!shown.contains("hunter2"), "{shown}");
                assert!(shown.contains("desk@") && shown.contains("/registry"), "{shown}");
            }
        }
        for broken in ["postgres://desk:hun/ter2@localhost:x/registry", "postgres://desk:hunter2@localhost:hunter2/r"] {
            let error = broken.parse::<PostgresAddress>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("ter2"), "{error}");
        }
        let address: PostgresAddress = "postgres://desk@localhost/registry".parse().unwrap();
        assert_eq!(address.password("given").config().get_password(), Some(&b"given"[..]));
    }

    #[test]
    fn nothing_goes_over_a_wire_in_clear_unless_asked() {
        let reach = |text: &str| text.parse::<PostgresAddress>().map(|address| address.to_string());
        for near in [
            "postgres://u@localhost/d",
            "postgres://u@127.0.0.1/d",
            "postgres://u@[::1]:5433/d",
            "postgres://u@%2Frun%2Fpg/d",
            "postgres:///d",
            "postgres://u@db.example/d?sslmode=disable",
        ] {
            assert!(reach(near).is_ok(), "{near}: {:?}", reach(near));
        }
        for far in [
            "postgres://u@db.example/d",
            "postgres://u@localhost,db.example/d",
            "postgres://u@192.0.2.1/d?sslmode=prefer",
            "postgres://u@localhost/d?hostaddr=192.0.2.1",
            "postgres://u@localhost/d?sslmode=require",
            "postgres://u@localhost",
            "mysql://u@localhost/d",
            "host=localhost dbname=d",
        ] {
            let error = reach(far).unwrap_err();
            assert_eq!(error.code(), "store_address", "{far}: {error}");
        }
    }
}
