//! A fake HTTP/2 peer: responds to gRPC calls as a test defines, or writes arbitrary bytes.

use h2::server::SendResponse;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, Response};

/// The response to one call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Data, then trailers.
    Trailers(Vec<u8>, HeaderMap),
    /// Only response headers, which contain the gRPC status.
    Head(HeaderMap),
    /// Only response headers. The response does not end.
    Half,
    /// No response.
    Silence,
    /// Another response, after this time.
    Late(Duration, Box<Answer>),
}

impl Answer {
    /// A valid response: a protobuf message with these encoded fields.
    pub fn message(fields: &[u8]) -> Self {
        let mut data = vec![0];
        data.extend(u32::try_from(fields.len()).unwrap().to_be_bytes());
        data.extend(fields);
        Self::Trailers(data, headers(&[("grpc-status", b"0")]))
    }

    /// A gRPC error with this code and message.
    pub fn status(code: &str, message: &str) -> Self {
        let mut encoded = String::new();
        for byte in message.bytes() {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        let pairs = [("grpc-status", code.as_bytes()), ("grpc-message", encoded.as_bytes())];
        Self::Head(headers(&pairs))
    }
}

/// Headers with these names and values.
pub fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value));
    pairs.map(|(name, value)| (name, value.to_vec().try_into().unwrap())).collect()
}

/// A protobuf field with a text or a message.
pub fn field(number: u8, value: &[u8]) -> Vec<u8> {
    assert!(number < 16);
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        bytes.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(value);
    bytes
}

/// The response of a healthy Temporal server of this version to a call of the method at `path`.
pub fn temporal(path: &str, version: &str) -> Answer {
    match path.rsplit('/').next().unwrap() {
        "Check" => Answer::message(&[8, 1]),
        "GetClusterInfo" => {
            Answer::message(&[field(2, version.as_bytes()), field(3, b"cluster")].concat())
        }
        "DescribeNamespace" => Answer::message(&field(1, &field(1, b"default"))),
        "DescribeWorkflowExecution" => Answer::status("5", "no such workflow"),
        _ => Answer::message(&[]),
    }
}

/// Serves clients on a thread until the test process ends. `script` returns the response to a call
/// of a path.
pub fn serve(listener: TcpListener, script: impl Fn(&str) -> Answer + Send + Sync + 'static) {
    let script = Arc::new(script);
    accept(listener, move |stream| {
        let script = script.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, respond))) = connection.accept().await {
                match script(request.uri().path()) {
                    Answer::Late(delay, late) => drop(tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        answer(respond, *late);
                    })),
                    prompt => answer(respond, prompt),
                }
            }
        }
    });
}

/// Writes these bytes to each client and ignores what the client sends.
pub fn serve_bytes(listener: TcpListener, bytes: Vec<u8>) {
    accept(listener, move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let mut buffer = [0; 4096];
            // Wait for a request first, because a response without a request breaks the
            // connection.
            let mut received = Vec::new();
            while !has_request(&received) {
                match stream.read(&mut buffer).await {
                    Ok(read @ 1..) => received.extend(&buffer[..read]),
                    Ok(0) | Err(_) => return,
                }
            }
            let quiet = Duration::from_millis(20);
            while let Ok(Ok(1..)) = tokio::time::timeout(quiet, stream.read(&mut buffer)).await {}
            let _ = stream.write_all(&bytes).await;
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }
    });
}

/// Whether a client has sent the HTTP/2 preface and a frame with headers.
fn has_request(received: &[u8]) -> bool {
    let mut frames = received.get(24..).unwrap_or_default();
    while let [a, b, c, kind, ..] = *frames {
        if kind == 1 {
            return true;
        }
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        frames = frames.get(9 + length..).unwrap_or_default();
    }
    false
}

fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) {
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
}

fn answer(mut respond: SendResponse<Bytes>, answer: Answer) {
    let head = |headers: HeaderMap| {
        let mut head = Response::new(());
        *head.headers_mut() = headers;
        head.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        head
    };
    // A client may have closed the connection, so errors are ignored.
    match answer {
        Answer::Trailers(data, trailers) => {
            let Ok(mut stream) = respond.send_response(head(HeaderMap::new()), false) else {
                return;
            };
            let _ = stream.send_data(data.into(), false);
            let _ = stream.send_trailers(trailers);
        }
        Answer::Head(headers) => drop(respond.send_response(head(headers), true)),
        Answer::Half => {
            if let Ok(stream) = respond.send_response(head(HeaderMap::new()), false) {
                std::mem::forget(stream);
            }
        }
        Answer::Silence => std::mem::forget(respond),
        Answer::Late(..) => unreachable!("the caller has removed `Late`"),
    }
}
