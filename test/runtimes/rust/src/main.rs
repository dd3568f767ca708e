//! The function of the tests in Rust: its event says what it does. The actions are those of every language's function in
//! the shared suite, and some that only Rust has.

use lambda_runtime::streaming::{channel, Body};
use lambda_runtime::{
    run, service_fn, Diagnostic, Error, FunctionResponse, LambdaEvent, MetadataPrelude,
    StreamResponse,
};
use serde_json::{json, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

type Answer = FunctionResponse<Value, Body>;

static INVOCATIONS: AtomicU64 = AtomicU64::new(0);

/// An error with a type of its own choice.
struct Named(String);

impl From<Named> for Diagnostic {
    fn from(Named(error_message): Named) -> Diagnostic {
        Diagnostic {
            error_type: "Named".into(),
            error_message,
        }
    }
}

enum Failure {
    Plain(Error),
    Named(Named),
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Plain(error) => write!(to, "{error}"),
            Failure::Named(Named(text)) => write!(to, "{text}"),
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        match failure {
            Failure::Plain(error) => error.into(),
            Failure::Named(named) => named.into(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Plain(error.into())
    }
}

fn text(event: &Value, member: &str) -> String {
    event[member].as_str().unwrap_or_default().to_owned()
}

async fn handle(event: LambdaEvent<Value>) -> Result<Answer, Failure> {
    let (event, context) = event.into_parts();
    let count = INVOCATIONS.fetch_add(1, Ordering::Relaxed) + 1;
    let value = match text(&event, "do").as_str() {
        "echo" => event["value"].clone(),
        "count" => json!(count),
        "environment" => {
            let names = event["names"].as_array().cloned().unwrap_or_default();
            let found = names.iter().filter_map(|name| {
                let name = name.as_str()?;
                Some((name.to_owned(), std::env::var(name).ok()?.into()))
            });
            Value::Object(found.collect())
        }
        "fail" => return Err(Failure::Plain(text(&event, "message").into())),
        "fail-named" => return Err(Failure::Named(Named(text(&event, "message")))),
        "panic" => panic!("{}", text(&event, "message")),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(
                event["ms"].as_u64().unwrap_or_default(),
            ))
            .await;
            json!("slept")
        }
        "exit" => std::process::exit(event["status"].as_i64().unwrap_or_default() as i32),
        "read" => json!(std::fs::read_to_string(text(&event, "path"))?),
        "context" => json!({
            "requestId": context.request_id,
            "arn": context.invoked_function_arn,
            "deadlineMs": context.deadline,
            "tenantId": context.tenant_id,
            "custom": context.client_context.as_ref().map(|client| &client.custom),
            "appTitle": context.client_context.as_ref().map(|client| &client.client.app_title),
            "traceId": context.xray_trace_id,
            "name": context.env_config.function_name,
            "version": context.env_config.version,
            "memoryMb": context.env_config.memory,
            "logGroup": context.env_config.log_group,
        }),
        "large" => json!("x".repeat(event["bytes"].as_u64().unwrap_or_default() as usize)),
        "stream" => return Ok(stream(&event)),
        other => return Err(Failure::Plain(format!("no such action: {other:?}").into())),
    };
    Ok(FunctionResponse::BufferedResponse(value))
}

/// Each part leaves in a chunk of its own.
fn stream(event: &Value) -> Answer {
    let parts: Vec<String> = event["parts"]
        .as_array()
        .map(|parts| {
            parts
                .iter()
                .filter_map(|part| part.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    let (mut sender, stream) = channel();
    tokio::spawn(async move {
        for part in parts {
            if sender.send_data(part.into()).await.is_err() {
                return;
            }
        }
    });
    FunctionResponse::StreamingResponse(StreamResponse {
        metadata_prelude: MetadataPrelude::default(),
        stream,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if let Ok(message) = std::env::var("FAIL_INIT") {
        return Err(message.into());
    }
    run(service_fn(handle)).await
}
