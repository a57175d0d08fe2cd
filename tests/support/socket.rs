//! HTTP requests on the control socket, without a client library.

use super::rig::Rig;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Fails unless the response is an error object of the API with this status and code.
    #[track_caller]
    pub fn is_error(&self, code: u16, word: &str) {
        assert_eq!(self.code, code, "{self:?}");
        let error = &self.json()["error"];
        assert_eq!(error["code"], word, "{self:?}");
        assert!(["message", "hint"].iter().all(|key| error[key].is_string()), "{self:?}");
    }
}

/// Sends one request on its own connection.
pub fn ask(rig: &Rig, method: &str, path: &str, body: &str) -> Answer {
    answer(send(rig, method, path, body))
}

/// Sends one request over TCP, with this `host` header.
pub fn ask_tcp(port: u16, method: &str, path: &str, host: &str) -> Answer {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    answer(stream)
}

fn answer(mut stream: impl Read) -> Answer {
    let mut text = String::new();
    // The host may refuse a request before it has received the whole body. The connection may then
    // be reset while the response is read, so errors are ignored.
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("answer: {text:?}"));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
    Answer { code, head: head.to_owned(), body: body.to_owned() }
}

pub fn get(rig: &Rig, path: &str) -> Answer {
    ask(rig, "GET", path, "")
}

/// Sends a request. Does not read the response.
pub fn send(rig: &Rig, method: &str, path: &str, body: &str) -> UnixStream {
    let mut stream = UnixStream::connect(rig.path("stigmer.sock")).unwrap();
    stream.set_read_timeout(Some(super::LIMIT)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: any\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let _ = stream.write_all(body.as_bytes());
    stream
}

/// A client of `/v1/events` that reads an event only when the test requests one.
pub struct Reader(BufReader<UnixStream>);

/// An event: its kind and its data.
pub type Event = (String, Value);

impl Reader {
    pub fn open(rig: &Rig) -> Self {
        Self(BufReader::new(send(rig, "GET", "/v1/events", "")))
    }

    /// Reads the next event. Skips the head of the HTTP response, and the sizes of chunks between
    /// the events.
    pub fn event(&mut self) -> Event {
        let mut kind = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            let line = line.trim_end();
            if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (kind, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// Reads until an event of this kind. Returns its data.
    pub fn until(&mut self, wanted: &str) -> Value {
        loop {
            let (kind, data) = self.event();
            if kind == wanted {
                return data;
            }
        }
    }
}
