//! A Parameter Store and a Secrets Manager that hold what a test puts in, and remember what they were asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub(crate) struct FakeAws {
    pub(crate) endpoint: String,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

#[derive(Clone, Default)]
pub(crate) struct Contents {
    /// By name.
    pub(crate) parameters: BTreeMap<String, String>,
    /// By ARN: the answer of DescribeSecret and the secret's text.
    pub(crate) secrets: BTreeMap<String, (Value, String)>,
    /// Plain variables of the live service's container, as ECS lists them.
    pub(crate) live: Value,
    /// Operations that are refused; `*` is all of them.
    pub(crate) refused: Vec<&'static str>,
}

impl FakeAws {
    pub(crate) fn start(contents: Contents) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the listener's address");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (contents, log) = (contents.clone(), Arc::clone(&log));
                std::thread::spawn(move || serve(stream, &contents, &log));
            }
        });
        Self {
            endpoint: format!("http://{address}"),
            calls,
        }
    }

    /// Operation and argument of every call so far.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().expect("no test thread panicked").clone()
    }
}

fn serve(stream: TcpStream, contents: &Contents, log: &Mutex<Vec<(String, Value)>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some((target, argument)) = request(&mut reader) {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        log.lock()
            .expect("no test thread panicked")
            .push((operation.clone(), argument.clone()));
        let (status, answer) = answer(contents, &operation, &argument);
        let body = answer.to_string();
        write!(
            writer,
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the client reads the answer");
    }
}

/// None at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut target, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-amz-target") => {
                value.clone_into(&mut target);
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((target, serde_json::from_slice(&body).ok()?))
}

fn answer(contents: &Contents, operation: &str, argument: &Value) -> (u16, Value) {
    if contents
        .refused
        .iter()
        .any(|refused| [operation, "*"].contains(refused))
    {
        return (
            400,
            json!({ "__type": "AccessDeniedException", "message": "not allowed" }),
        );
    }
    match operation {
        "GetParameters" => (200, parameters(contents, argument)),
        "DescribeParameters" => (200, described(contents, argument)),
        "GetParametersByPath" => (200, below(contents, argument)),
        "PutParameter" => (200, json!({ "Version": 1, "Tier": "Standard" })),
        "BatchGetSecretValue" => (200, batch(contents, argument)),
        "DescribeServices" => (
            200,
            json!({ "services": [{ "serviceName": "api", "taskDefinition": "ludlow:7" }], "failures": [] }),
        ),
        "DescribeTaskDefinition" => (
            200,
            json!({ "taskDefinition": { "containerDefinitions": [{
                "name": "api",
                "environment": contents.live,
                "secrets": [{ "name": "TOKEN", "valueFrom": "/ludlow/prod/TOKEN" }],
            }] } }),
        ),
        "DescribeSecret" | "GetSecretValue" => {
            let arn = argument["SecretId"].as_str().unwrap_or_default();
            match contents.secrets.get(arn) {
                Some((description, _)) if operation == "DescribeSecret" => {
                    (200, description.clone())
                }
                Some((_, text)) => (200, json!({ "ARN": arn, "SecretString": text })),
                None => (
                    400,
                    json!({ "__type": "ResourceNotFoundException", "message": "Secrets Manager can't find the specified secret." }),
                ),
            }
        }
        _ => (400, json!({ "__type": "UnknownOperationException" })),
    }
}

/// Those of the names in the filter that are there, in two pages.
fn described(contents: &Contents, argument: &Value) -> Value {
    let known: Vec<Value> = argument["ParameterFilters"][0]["Values"]
        .as_array()
        .expect("names are given")
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| contents.parameters.contains_key(*name))
        .map(|name| json!({ "Name": name, "Type": "SecureString" }))
        .collect();
    let (first, second) = known.split_at(known.len() / 2);
    if argument["NextToken"].is_null() {
        json!({ "Parameters": first, "NextToken": "second" })
    } else {
        json!({ "Parameters": second })
    }
}

/// One parameter a page, and an empty page at the end, as Parameter Store may do it.
fn below(contents: &Contents, argument: &Value) -> Value {
    let path = argument["Path"].as_str().unwrap_or_default();
    let page: usize = argument["NextToken"]
        .as_str()
        .map_or(0, |token| token.parse().expect("a token of ours"));
    let found = contents
        .parameters
        .iter()
        .filter(|(name, _)| name.starts_with(path))
        .nth(page);
    match found {
        None => json!({ "Parameters": [] }),
        Some((name, value)) => json!({
            "Parameters": [{ "Name": name, "Type": "SecureString", "Value": value }],
            "NextToken": (page + 1).to_string(),
        }),
    }
}

fn batch(contents: &Contents, argument: &Value) -> Value {
    let values: Vec<Value> = argument["SecretIdList"]
        .as_array()
        .expect("ids are given")
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|arn| Some(json!({ "ARN": arn, "SecretString": contents.secrets.get(arn)?.1 })))
        .collect();
    json!({ "SecretValues": values, "Errors": [] })
}

fn parameters(contents: &Contents, argument: &Value) -> Value {
    let names: Vec<&str> = argument["Names"]
        .as_array()
        .expect("names are given")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let clear = argument["WithDecryption"] == json!(true);
    let (known, unknown): (Vec<&str>, Vec<&str>) = names
        .into_iter()
        .partition(|name| contents.parameters.contains_key(*name));
    let known: Vec<Value> = known
        .iter()
        .map(|name| {
            let value = if clear {
                contents.parameters[*name].as_str()
            } else {
                "AQICAHencrypted"
            };
            json!({ "Name": name, "Type": "SecureString", "Value": value })
        })
        .collect();
    json!({ "Parameters": known, "InvalidParameters": unknown })
}
