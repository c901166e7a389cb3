//! What holds for every operation and is said once: who may ask, what may be answered instead, in which form, and what a
//! parameter or a body that is not given means.
use crate::handlers::codes;
use actix_web::http::StatusCode;
use utoipa::openapi::{
    Components, Content, Header, Object, OpenApi, Ref, RefOr, Required, Response, Schema,
    SecurityRequirement,
    path::{Operation, Parameter, ParameterIn, PathItem},
    schema::{OneOf, SchemaType, Type},
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

/// Below this, every answer passed the edge.
const PREFIX: &str = "/api/v1";
const PROBLEM: &str = "application/problem+json";

/// Adds all of it.
pub fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    secure(components);
    answers(components);
    let components = components.clone();
    for (path, item) in &mut document.paths.paths {
        twin(item);
        let is_edged = path.starts_with(PREFIX);
        for (method, operation) in operations(item) {
            let is_open = operation.security.is_some();
            if !is_open {
                operation.security = Some(ways_in(method == "GET"));
            }
            parameters(operation);
            body(operation, &components);
            let more = if is_edged {
                usual((method, path.as_str()), operation, is_open)
            } else {
                Vec::new()
            };
            refuse(operation, &more);
        }
    }
    document.security = None;
}

/// What a path can be asked for.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(word, operation)| Some((word, operation.as_mut()?)))
}

/// One handler may answer `PUT` as it answers `PATCH`; clients still call the two by names of their own.
fn twin(item: &mut PathItem) {
    let (Some(put), Some(patch)) = (&mut item.put, &item.patch) else {
        return;
    };
    if put.operation_id != patch.operation_id {
        return;
    }
    let name = patch.operation_id.as_deref();
    put.operation_id = name.map(|name| name.replacen("edit", "replace", 1));
    let said = patch.summary.as_deref();
    let what = said.and_then(|said| said.split(':').next());
    put.summary = what.map(|what| format!("{what}, as `PATCH` does."));
}

fn secure(components: &mut Components) {
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of a machine, or the access token of a person's login",
        ))
        .build();
    let key = |name: &str, what: &str, header: bool| {
        let value = ApiKeyValue::with_description(name, what);
        let key = if header {
            ApiKey::Header(value)
        } else {
            ApiKey::Cookie(value)
        };
        SecurityScheme::ApiKey(key)
    };
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.add_security_scheme("cookie", key("__Host-hywarden", "A browser's login", false));
    components.add_security_scheme(
        "csrf",
        key(
            "X-CSRF-Token",
            "What stands in the cookie `__Host-hywarden_csrf`",
            true,
        ),
    );
}

/// A token, or a browser's cookie; with what only its own page knows, where something is changed.
fn ways_in(only_reads: bool) -> Vec<SecurityRequirement> {
    let none = Vec::<String>::new;
    let cookie = SecurityRequirement::new("cookie", none());
    let cookie = if only_reads {
        cookie
    } else {
        cookie.add("csrf", none())
    };
    vec![SecurityRequirement::new("token", none()), cookie]
}

/// The name of a status among the components.
fn name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("Refused");
    words.split(' ').collect()
}

/// One answer a status: a problem, with the codes that it may carry.
fn answers(components: &mut Components) {
    let mut statuses: Vec<u16> = codes::CODES.iter().map(|code| code.status).collect();
    statuses.dedup();
    for status in statuses {
        let Ok(known) = StatusCode::from_u16(status) else {
            continue;
        };
        let codes: Vec<String> = codes::of(status)
            .map(|code| format!("`{}`: {}", code.word, code.because))
            .collect();
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let mut answer = Response::new(codes.join("\n\n"));
        answer.content.insert(PROBLEM.to_owned(), problem.into());
        let said = match known {
            StatusCode::UNAUTHORIZED => Some(("WWW-Authenticate", Type::String)),
            StatusCode::METHOD_NOT_ALLOWED => Some(("Allow", Type::String)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some(("Retry-After", Type::Integer))
            }
            _ => None,
        };
        for (name, kind) in said.into_iter().chain([("X-Request-Id", Type::String)]) {
            let header = Header::new(Object::with_type(kind));
            answer.headers.insert(name.to_owned(), header.into());
        }
        components.responses.insert(name(known), answer.into());
    }
}

/// What the way to the handler may answer before it.
fn usual((method, path): (&str, &str), operation: &Operation, is_open: bool) -> Vec<StatusCode> {
    let changes = method != "GET";
    let has_body = operation.request_body.is_some();
    let given = operation.parameters.as_deref().unwrap_or_default();
    let takes = |place: ParameterIn| {
        given
            .iter()
            .any(|one| matches!(one, RefOr::T(one) if one.parameter_in == place))
    };
    let named = |name: &str| {
        given
            .iter()
            .any(|one| matches!(one, RefOr::T(one) if one.name == name))
    };
    let names_an_object = ["user", "device", "node", "group"].into_iter().any(named);
    let mut all = vec![
        StatusCode::BAD_REQUEST,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::URI_TOO_LONG,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let by_shape = [
        (has_body, StatusCode::REQUEST_TIMEOUT),
        (!is_open, StatusCode::UNAUTHORIZED),
        (!is_open || has_body, StatusCode::FORBIDDEN),
        (path.contains('{') || names_an_object, StatusCode::NOT_FOUND),
        // what is to be changed may be in a state that does not allow it, or be called as something else is
        (changes && !is_open, StatusCode::CONFLICT),
        (named("If-Match"), StatusCode::PRECONDITION_FAILED),
        // whoever proves who it is can do so too often
        (
            changes && path.starts_with("/api/v1/auth/"),
            StatusCode::TOO_MANY_REQUESTS,
        ),
        (
            has_body || takes(ParameterIn::Query) || named("Idempotency-Key"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ];
    all.extend(
        by_shape
            .into_iter()
            .filter_map(|(so, status)| so.then_some(status)),
    );
    all
}

/// Every refusal is a problem, whoever gives it.
fn refuse(operation: &mut Operation, more: &[StatusCode]) {
    let own = operation.responses.responses.keys();
    let own = own
        .filter_map(|status| status.parse().ok())
        .filter(|status: &StatusCode| status.is_client_error() || status.is_server_error());
    let refusals: Vec<StatusCode> = own.chain(more.iter().copied()).collect();
    for status in refusals {
        let answer = RefOr::Ref(Ref::new(format!("#/components/responses/{}", name(status))));
        operation
            .responses
            .responses
            .insert(status.as_str().to_owned(), answer);
    }
}

/// In an address and in a header nothing can be `null`: a parameter is there or it is not.
fn parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        parameter.schema = parameter.schema.take().map(given);
        if parameter.name == "limit" {
            bound(parameter);
        }
    }
}

fn given(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &object.schema_type
                && let Some(kind) = types.iter().find(|kind| **kind != Type::Null)
            {
                object.schema_type = SchemaType::Type(kind.clone());
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => {
            let something = items.into_iter().find(|item| {
                !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
            });
            something.unwrap_or_else(|| RefOr::T(Schema::Object(Object::new())))
        }
        other => other,
    }
}

/// Every list has pages, and they are bounded alike.
fn bound(parameter: &mut Parameter) {
    if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema {
        object.minimum = Some(1.into());
        object.maximum = Some(crate::handlers::page::MOST.into());
        object.default = Some(50.into());
    }
}

/// An empty body is `{}`: it is needed where something in it is.
fn body(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return;
    };
    let needs = body.content.values().any(|content| {
        let RefOr::T(Content {
            schema: Some(RefOr::Ref(at)),
            ..
        }) = content
        else {
            return true;
        };
        let named = at.ref_location.rsplit('/').next().unwrap_or_default();
        match components.schemas.get(named) {
            Some(RefOr::T(Schema::Object(object))) => !object.required.is_empty(),
            _ => true,
        }
    });
    body.required = Some(if needs {
        Required::True
    } else {
        Required::False
    });
}
