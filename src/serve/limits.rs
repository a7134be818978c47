//! How much a service takes, from whom, and for how long.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Bounds of one server. The defaults suit a machine with two cores.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest body in bytes. A request with a proof has some 3,500.
    pub body_bytes: usize,
    /// The longest picture that the desk takes, in bytes.
    pub picture_bytes: usize,
    /// The longest head of a request in bytes.
    pub head_bytes: usize,
    /// The most fields in a head.
    pub head_fields: usize,
    /// How long the head of a request may take to arrive, also the first one of a connection.
    pub head_time: Duration,
    /// How long a request may take from its head to its answer, the body included.
    pub request_time: Duration,
    /// The most connections at once; more wait in the system's queue.
    pub connections: usize,
    /// The most proofs that wait for a verification; more are answered 503.
    pub queue: usize,
    /// Threads that verify.
    pub threads: usize,
    /// Requests of one address in a second, with twice as many at once; none: no limit.
    pub requests_per_second: Option<NonZeroU32>,
    /// For how many seconds a registry may be out of reach before nothing is accepted any more.
    pub stale_after: u64,
    /// How long requests that run are waited for when the server is told to stop.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 10,
            // An iris camera's picture has 0.3 to 1.5 megabytes uncompressed.
            picture_bytes: 4 << 20,
            head_bytes: 16 << 10,
            head_fields: 64,
            head_time: Duration::from_secs(10),
            request_time: Duration::from_secs(20),
            connections: 1024,
            queue: 1024,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            requests_per_second: NonZeroU32::new(100),
            stale_after: 60,
            farewell: Duration::from_secs(10),
        }
    }
}

/// Counts the requests of each address.
#[derive(Debug)]
pub(super) struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl Rate {
    /// Addresses that are remembered; beyond it those that have been quiet are forgotten.
    const REMEMBERED: usize = 65_536;

    pub(super) fn new(limits: &Limits) -> Option<Self> {
        let rate = limits.requests_per_second?;
        let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        Some(Self { limiter: RateLimiter::keyed(quota) })
    }

    /// Counts a request; the error is the number of seconds to wait.
    pub(super) fn count(&self, address: IpAddr) -> Result<(), u64> {
        if self.limiter.len() > Self::REMEMBERED {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&network(address)).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + 1
        })
    }
}

/// One subscriber: an address, or for version 6 the 64 bits that a subscriber is given.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_that_asks_too_often_waits_and_others_do_not() {
        let limits = Limits { requests_per_second: NonZeroU32::new(2), ..Limits::default() };
        let rate = Rate::new(&limits).unwrap();
        let [one, other]: [IpAddr; 2] = ["2001:db8::1", "2001:db8:0:1::1"].map(|text| text.parse().unwrap());
        for _ in 0..4 {
            rate.count(one).unwrap();
        }
        let neighbour: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(rate.count(neighbour), Err(1), "the same subscriber under another address");
        rate.count(other).unwrap();
        assert!(Rate::new(&Limits { requests_per_second: None, ..Limits::default() }).is_none());
    }
}
