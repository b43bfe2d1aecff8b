//! The address guard: which addresses a request may go to, and names resolved once and pinned.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::world::World;

/// What an address is for (IANA special-purpose registries of IPv4 and IPv6, and the clouds' metadata addresses).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AddressClass {
    /// Reachable for everybody.
    Public,
    /// This machine.
    Loopback,
    /// A private network, unique-local, or behind a carrier's translation.
    Private,
    /// This link only.
    LinkLocal,
    /// A cloud's metadata or control service: it hands out credentials to whoever asks.
    Metadata,
    /// Many receivers.
    Multicast,
    /// No address.
    Unspecified,
    /// Documentation, benchmarks, future use, tunnels whose end we cannot see.
    Reserved,
}

impl AddressClass {
    /// Words for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata service",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        }
    }

    /// The class of an address; addresses that carry an IPv4 address inside count as that one.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => class_v4(v4),
            IpAddr::V6(v6) => class_v6(v6),
        }
    }
}

fn class_v4(a: Ipv4Addr) -> AddressClass {
    let o = a.octets();
    match o {
        // AWS, GCP, Azure, OpenStack; Alibaba; Oracle; Azure's wire server.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => AddressClass::Metadata,
        [0, 0, 0, 0] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [192, 168, ..] => AddressClass::Private,
        [172, b, ..] if b & 0xf0 == 16 => AddressClass::Private,
        [100, b, ..] if b & 0xc0 == 64 => AddressClass::Private,
        [169, 254, ..] => AddressClass::LinkLocal,
        [224..=239, ..] => AddressClass::Multicast,
        [0 | 240..=255, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => AddressClass::Reserved,
        [198, 51, 100, _] | [203, 0, 113, _] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn class_v6(a: Ipv6Addr) -> AddressClass {
    let s = a.segments();
    let low = Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        // Mapped, compatible, translated (SIIT), and NAT64's well-known prefix.
        [0, 0, 0, 0, 0, 0xffff | 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => class_v4(low),
        // The metadata services of AWS and GCP.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => AddressClass::Metadata,
        // 6to4 carries the IPv4 address after its prefix.
        [0x2002, high, mid, ..] => class_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(mid))),
        // ISATAP's interface identifier ends in an IPv4 address.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] if class_v4(low) != AddressClass::Public => class_v4(low),
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        [0xfe80..=0xfeff, ..] => AddressClass::LinkLocal,
        [0xfc00..=0xfdff, ..] => AddressClass::Private,
        // Teredo, benchmarking, ORCHID, documentation: inside 2000::/3 and still nobody's.
        [0x2001, 0..=0x1ff | 0xdb8, ..] => AddressClass::Reserved,
        [0x3fff, 0..=0x0fff, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}

/// What the user has opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Guard {
    /// Also private networks and, over https, this machine. Never link-local, metadata or multicast addresses.
    pub allow_private: bool,
    /// Plain `http` to a loopback address, for tests.
    pub http_loopback: bool,
}

/// Why a request was not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The URL is no absolute http(s) URL with a host, or carries a user name.
    #[error("not a usable URL: {0}")]
    Url(&'static str),
    /// Plain http.
    #[error("only https is allowed (http to a loopback address needs the testing flag)")]
    Insecure,
    /// The name has an address that may not be reached.
    #[error("{host} is a {class} address", class = .class.name())]
    Address {
        /// The host as written.
        host: String,
        /// What its address is.
        class: AddressClass,
    },
    /// The name has no address.
    #[error("{0} cannot be resolved")]
    Unresolved(String),
}

impl Guard {
    /// Whether an address may be reached.
    #[must_use]
    pub fn allows(&self, class: AddressClass, https: bool) -> bool {
        match class {
            AddressClass::Loopback if !https => self.http_loopback,
            AddressClass::Public | AddressClass::Private | AddressClass::Loopback if !https => false,
            AddressClass::Public => true,
            AddressClass::Private | AddressClass::Loopback => self.allow_private,
            _ => false,
        }
    }

    /// Takes a URL apart and refuses what can be refused before any name is resolved.
    ///
    /// # Errors
    /// Not an absolute https URL, a user name in it, or an address that may not be reached.
    pub fn check_url(&self, url: &str) -> Result<Uri, Refused> {
        let uri: Uri = url.parse().map_err(|_| Refused::Url("cannot be parsed"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if self.http_loopback => false,
            Some("http") => return Err(Refused::Insecure),
            _ => return Err(Refused::Url("the scheme must be https")),
        };
        let authority = uri.authority().ok_or(Refused::Url("no host"))?;
        if authority.as_str().contains('@') {
            return Err(Refused::Url("a user name or password in it"));
        }
        let host = bare_host(&uri).ok_or(Refused::Url("no host"))?;
        if let Ok(address) = host.parse::<IpAddr>() {
            let class = AddressClass::of(address);
            if !self.allows(class, https) {
                return Err(Refused::Address { host, class });
            }
        }
        Ok(uri)
    }
}

fn bare_host(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    (!bare.is_empty()).then(|| bare.to_ascii_lowercase())
}

/// Host and port → addresses.
type Pins = HashMap<(String, u16), Vec<SocketAddr>>;

/// Resolves every name once for the whole run, refuses it if *any* of its addresses may not be reached, and connects
/// to nothing else: an answer that changes later (DNS rebinding) is never asked for.
#[derive(Clone)]
pub(crate) struct PinnedResolver {
    guard: Guard,
    world: Arc<dyn World>,
    pinned: Arc<Mutex<Pins>>,
}

impl fmt::Debug for PinnedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedResolver({:?})", self.guard)
    }
}

impl PinnedResolver {
    pub(crate) fn new(guard: Guard, world: Arc<dyn World>) -> Self {
        Self { guard, world, pinned: Arc::default() }
    }

    /// The addresses of a URL's host.
    pub(crate) fn pin(&self, uri: &Uri, within: Duration) -> Result<Vec<SocketAddr>, Refused> {
        let https = uri.scheme_str() == Some("https");
        let host = bare_host(uri).ok_or(Refused::Url("no host"))?;
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let key = (host.clone(), port);
        if let Some(known) = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.world.lookup(&host, port, within).map_err(|_| Refused::Unresolved(host.clone()))?,
        };
        if found.is_empty() {
            return Err(Refused::Unresolved(host));
        }
        for address in &found {
            let class = AddressClass::of(address.ip());
            if !self.guard.allows(class, https) {
                return Err(Refused::Address { host, class });
            }
        }
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }
}

impl Resolver for PinnedResolver {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let within = (*timeout.after).min(Duration::from_secs(10));
        let found = self.pin(uri, within).map_err(|refused| ureq::Error::Io(std::io::Error::other(refused)))?;
        let mut result = self.empty();
        for address in found.into_iter().take(16) {
            result.push(address);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revoke::testing::FakeWorld;

    #[test]
    fn every_special_range_is_known() {
        use AddressClass::*;
        let table = [
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.1", Public),
            ("100.63.0.1", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("169.254.1.1", LinkLocal),
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("192.0.0.192", Metadata),
            ("168.63.129.16", Metadata),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Reserved),
            ("192.0.2.1", Reserved),
            ("198.18.0.1", Reserved),
            ("198.51.100.7", Reserved),
            ("203.0.113.7", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.1.2.3", Private),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:1.1.1.1", Public),
            ("::127.0.0.1", Loopback),
            ("::ffff:0:127.0.0.1", Loopback),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("64:ff9b::7f00:1", Loopback),
            ("64:ff9b:1::1", Reserved),
            ("2002:7f00:1::", Loopback),
            ("2002:a9fe:a9fe::1", Metadata),
            ("2002:a00:1::1", Private),
            ("2001:0:1:2::1", Reserved),
            ("2001:db8::1", Reserved),
            ("2606:4700::5efe:10.0.0.1", Private),
            ("fe80::1", LinkLocal),
            ("fec0::1", LinkLocal),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("fd00:ec2::254", Metadata),
            ("ff02::1", Multicast),
            ("100::1", Reserved),
            ("5f00::1", Reserved),
            ("2606:4700::1111", Public),
        ];
        for (text, class) in table {
            assert_eq!(AddressClass::of(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn urls_are_refused_before_anything_is_resolved() {
        let closed = Guard::default();
        let testing = Guard { http_loopback: true, ..closed };
        let private = Guard { allow_private: true, ..closed };
        let table: [(Guard, &str, bool); 17] = [
            (closed, "https://example.com/x", true),
            (closed, "http://example.com/x", false),
            (closed, "https://127.0.0.1/", false),
            (closed, "http://127.0.0.1/", false),
            (closed, "https://10.0.0.1/", false),
            (closed, "https://169.254.169.254/latest", false),
            (closed, "https://[::1]/", false),
            (closed, "https://[::ffff:127.0.0.1]/", false),
            (closed, "https://user:pw@example.com/", false),
            (closed, "ftp://example.com/", false),
            (closed, "/relative", false),
            (testing, "http://127.0.0.1:80/", true),
            (testing, "http://1.1.1.1/", false),
            (testing, "http://10.0.0.1/", false),
            (private, "https://10.0.0.1/", true),
            (private, "https://169.254.169.254/", false),
            (private, "http://10.0.0.1/", false),
        ];
        for (guard, url, allowed) in table {
            assert_eq!(guard.check_url(url).is_ok(), allowed, "{guard:?} {url}");
        }
    }

    #[test]
    fn a_name_with_one_bad_address_is_refused_and_a_good_one_is_asked_for_once() {
        let world = Arc::new(FakeWorld::new());
        world.name("good.example", &["93.184.216.34"]);
        world.name("mixed.example", &["93.184.216.34", "10.0.0.7"]);
        world.name("meta.example", &["169.254.169.254"]);
        // What a C library makes of `http://2130706433/`.
        world.name("2130706433", &["127.0.0.1"]);
        let resolver = PinnedResolver::new(Guard::default(), world.clone());
        let pin = |url: &str| resolver.pin(&url.parse().unwrap(), Duration::from_secs(1));
        assert!(pin("https://good.example/").is_ok());
        world.name("good.example", &["127.0.0.1"]);
        assert_eq!(pin("https://good.example/").unwrap()[0].ip().to_string(), "93.184.216.34", "pinned");
        for host in ["mixed.example", "meta.example", "2130706433"] {
            assert!(matches!(pin(&format!("https://{host}/")), Err(Refused::Address { .. })), "{host}");
        }
        assert!(matches!(pin("https://nowhere.example/"), Err(Refused::Unresolved(_))));
    }
}
