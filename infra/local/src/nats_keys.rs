//! A folder with everything that a guarded NATS needs to be tried out: a key a role, an authority, a
//! certificate, and the server configurations of `infra/nats`.
//!
//! Owns making the folder and its layout. Servers are left to [`crate::nats_process`]; what the roles may
//! do stands in `roles.conf`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nkeys::KeyPair;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose,
};
use service_shell::{BadConfiguration, NatsAccess};
use time::{Duration, OffsetDateTime};
use wire::NatsRole;

use crate::nats_process::NatsSettings;

/// The server configurations, as they are in the source tree.
const CONFIGURATIONS: [(&str, &str); 7] = [
    ("roles.conf", include_str!("../../nats/roles.conf")),
    ("server.conf", include_str!("../../nats/server.conf")),
    ("single.conf", include_str!("../../nats/single.conf")),
    ("cluster.conf", include_str!("../../nats/cluster.conf")),
    ("leaves.conf", include_str!("../../nats/leaves.conf")),
    ("hub.conf", include_str!("../../nats/hub.conf")),
    ("leaf.conf", include_str!("../../nats/leaf.conf")),
];

const USERS: &str = "users.conf";
const AUTHORITY: &str = "ca.pem";
const CERTIFICATE: &str = "server.pem";
const CERTIFICATE_KEY: &str = "server.key";
/// Whose key a leaf shows to the hub. Nodes are behind it, so it may do what they may.
const LEAF: &str = "leaf";
/// How long certificates are good for.
const VALID: Duration = Duration::days(3_650);

/// One server that stores, without leaves.
pub const SINGLE: &str = "single.conf";

/// Such a folder.
#[derive(Debug, Clone)]
pub struct NatsKeys {
    folder: PathBuf,
}

impl NatsKeys {
    /// Makes the folder, with a certificate for servers on `hosts`.
    ///
    /// # Errors
    /// [`BadConfiguration`] when it holds keys already; otherwise when it cannot be written.
    pub fn make(folder: &Path, hosts: &[String]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        if folder.join(USERS).exists() {
            let sentence = format!(
                "{} holds keys already, which are in use somewhere: name a new folder",
                folder.display()
            );
            return Err(BadConfiguration(sentence).into());
        }
        for (name, text) in CONFIGURATIONS {
            write(&folder.join(name), text, 0o644)?;
        }
        write_certificates(folder, hosts)?;
        // Last: the folder is whole when it is there.
        write_users(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Opens a folder that was made before, or one like it.
    ///
    /// # Errors
    /// [`BadConfiguration`] when a role's seed is missing.
    pub fn open(folder: &Path) -> Result<Self, BadConfiguration> {
        let keys = Self { folder: folder.to_owned() };
        let missing = NatsRole::ALL.map(|role| keys.seed(role.name()));
        match missing.iter().find(|file| !file.is_file()) {
            None => Ok(keys),
            Some(file) => Err(BadConfiguration(format!(
                "there is no {}: make a folder of keys with `local-stack nats-keys --out DIR`",
                file.display()
            ))),
        }
    }

    /// Opens the folder, or makes it for servers on this machine.
    ///
    /// # Errors
    /// As the other two.
    pub fn open_or_make(folder: &Path) -> anyhow::Result<Self> {
        if folder.join(USERS).exists() {
            return Ok(Self::open(folder)?);
        }
        Self::make(folder, &here())
    }

    /// How `role` gets in.
    pub fn access(&self, role: NatsRole) -> NatsAccess {
        let authority = self.folder.join(AUTHORITY);
        NatsAccess {
            nats_nkey_file: Some(self.seed(role.name())),
            nats_ca_file: authority.is_file().then_some(authority),
            ..NatsAccess::default()
        }
    }

    /// A server with the configuration `name` of this folder.
    ///
    /// # Errors
    /// When the leaf's seed cannot be read.
    pub fn server(&self, name: &str) -> anyhow::Result<NatsSettings> {
        let leaf = self.seed(LEAF);
        let seed = std::fs::read_to_string(&leaf)
            .with_context(|| format!("cannot read {}", leaf.display()))?;
        let file = |name: &str| self.folder.join(name).display().to_string();
        Ok(NatsSettings {
            config: Some(self.folder.join(name)),
            arguments: Vec::new(),
            environment: vec![
                ("NATS_CERT_FILE", quoted(&file(CERTIFICATE))),
                ("NATS_KEY_FILE", quoted(&file(CERTIFICATE_KEY))),
                ("NATS_CA_FILE", quoted(&file(AUTHORITY))),
                ("NATS_LEAF_SEED", seed.trim().to_owned()),
            ],
        })
    }

    fn seed(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.seed"))
    }
}

/// The names of this machine for itself.
pub fn here() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

/// A value for a variable that a nats-server configuration reads: it is parsed as one of its own.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A key for each role, and the file that lets their public halves in.
fn write_users(folder: &Path) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    let of_leaf = (LEAF, NatsRole::Node);
    for (name, role) in NatsRole::ALL.map(|role| (role.name(), role)).into_iter().chain([of_leaf]) {
        let key = KeyPair::new_user();
        let seed = key.seed().with_context(|| format!("cannot make a key for {name}"))?;
        write(&folder.join(format!("{name}.seed")), &format!("{seed}\n"), 0o600)?;
        let (public, role) = (key.public_key(), role.name().to_uppercase());
        lines.push(format!("      {{ nkey: {public}, permissions: ${role} }}  # {name}\n"));
    }
    let lines = lines.concat();
    let users = format!(
        "# Who may connect: the public nkeys of the roles.\n\n\
         include \"./roles.conf\"\n\n\
         accounts {{\n  STARLING {{\n    jetstream: enabled\n    users: [\n{lines}    ]\n  }}\n}}\n"
    );
    write(&folder.join(USERS), &users, 0o644)
}

/// An authority and a certificate of it for the servers, who show it to each other as well.
fn write_certificates(folder: &Path, hosts: &[String]) -> anyhow::Result<()> {
    let now = OffsetDateTime::now_utc();
    let mut authority = params("Starling's own authority", Vec::new(), now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = rcgen::KeyPair::generate().context("cannot make a key")?;
    let signed = authority.self_signed(&authority_key).context("cannot sign the authority")?;
    write(&folder.join(AUTHORITY), &signed.pem(), 0o644)?;
    write(&folder.join("ca.key"), &authority_key.serialize_pem(), 0o600)?;

    let mut server = params("nats-server", hosts.to_vec(), now)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let server_key = rcgen::KeyPair::generate().context("cannot make a key")?;
    let issuer = Issuer::new(authority, authority_key);
    let signed = server.signed_by(&server_key, &issuer).context("cannot sign a certificate")?;
    write(&folder.join(CERTIFICATE), &signed.pem(), 0o644)?;
    write(&folder.join(CERTIFICATE_KEY), &server_key.serialize_pem(), 0o600)
}

fn params(
    name: &str,
    hosts: Vec<String>,
    now: OffsetDateTime,
) -> Result<CertificateParams, BadConfiguration> {
    let mut params = CertificateParams::new(hosts).map_err(|error| {
        BadConfiguration(format!("--host: expected names and addresses of servers ({error})"))
    })?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    // Clocks differ a little.
    (params.not_before, params.not_after) = (now - Duration::hours(1), now + VALID);
    Ok(params)
}

fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_made_once_and_its_secrets_are_private() {
        let folder = tempfile::tempdir().unwrap();
        assert!(NatsKeys::open(folder.path()).unwrap_err().0.contains("node.seed"));
        let keys = NatsKeys::open_or_make(folder.path()).unwrap();
        let users = std::fs::read_to_string(folder.path().join(USERS)).unwrap();
        for name in ["node", "fanout", "media", "admin", "leaf"] {
            let file = keys.seed(name);
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            let seed = std::fs::read_to_string(file).unwrap();
            let public = KeyPair::from_seed(seed.trim()).unwrap().public_key();
            assert!(users.contains(&public) && !users.contains(seed.trim()), "{name}");
        }
        for name in ["server.key", "ca.key"] {
            let mode = folder.path().join(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        for role in NatsRole::ALL {
            assert!(keys.access(role).options(role).is_ok());
        }
        let refusal = NatsKeys::make(folder.path(), &here()).unwrap_err().to_string();
        assert!(refusal.contains("holds keys already"), "{refusal}");
        NatsKeys::open_or_make(folder.path()).unwrap();
    }
}
