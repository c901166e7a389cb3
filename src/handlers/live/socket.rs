//! The socket.
use super::PROTOCOL;
use crate::{
    error::{Error, Result},
    handlers::{browser, line::Line, problem::Problem},
    services::{
        Services,
        live::{End, Live, Next, Place},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
    rt,
    web::{Data, Payload},
};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, ProtocolError,
    Session,
};
use futures_util::StreamExt;
use std::time::Instant;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The longest message of a client.
const LONGEST: usize = 16 << 10;

/// Open the socket: `Sec-WebSocket-Protocol: hywarden.v1, ticket.<ticket>`. Nothing stands in the URL.
#[utoipa::path(tag = "live", responses((status = 101, description = "Frames follow"), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem)))]
#[get("/ws")]
pub async fn open_socket(
    req: HttpRequest,
    payload: Payload,
    app: Data<Services>,
) -> Result<HttpResponse> {
    let ticket = ticket(&req).ok_or(Error::Unauthenticated)?;
    if browser::is_foreign(&req) {
        let why = "pages of this origin may not open a socket";
        return Err(Error::Refused("origin", why));
    }
    let caller = app.live.redeem(&ticket).await?;
    let place = app.live.enter(caller)?;
    let (response, session, stream) =
        match actix_ws::handle_with_protocols(&req, payload, &[PROTOCOL]) {
            Ok(opened) => opened,
            Err(why) => {
                let why = why.to_string();
                return Ok(Problem::new(StatusCode::BAD_REQUEST, "no_socket", why).response());
            }
        };
    let stream = stream
        .max_frame_size(LONGEST)
        .aggregate_continuations()
        .max_continuation_size(LONGEST);
    let (line, app) = (Line::of(&req), app.clone());
    rt::spawn(async move {
        // a client that does not read, or lets us work, must not stay when it is to leave
        let reason = tokio::select! {
            end = place.mailbox.ended() => Some(reason(end)),
            reason = serve(&app.live, &place, session.clone(), stream) => reason,
        };
        line.end(session.close(reason)).await;
        drop(place);
    });
    Ok(response)
}

/// The ticket among the protocols that the client offers.
fn ticket(req: &HttpRequest) -> Option<String> {
    let offered = req.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    offered.find_map(|one| one.trim().strip_prefix("ticket.").map(str::to_owned))
}

async fn serve(
    live: &Live,
    place: &Place,
    mut session: Session,
    mut stream: AggregatedMessageStream,
) -> Option<CloseReason> {
    let mut ping = interval(live.silence / 3);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    taken(live, session.text(live.hello())).await?;
    loop {
        let texts = tokio::select! {
            next = place.mailbox.next() => match next {
                Next::Text(text) => vec![text.to_string()],
                Next::End(end) => return Some(reason(end)),
            },
            message = stream.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(AggregatedMessage::Text(text))) => live.hear(place, &text).await,
                    Some(Ok(AggregatedMessage::Ping(bytes))) => {
                        taken(live, session.pong(&bytes)).await?;
                        continue;
                    }
                    Some(Ok(AggregatedMessage::Pong(_))) => continue,
                    Some(Ok(AggregatedMessage::Binary(_))) => return Some(close(CloseCode::Unsupported, "text only")),
                    Some(Err(ProtocolError::Overflow)) => return Some(close(CloseCode::Size, "at most 16 KiB")),
                    Some(Err(_)) => return Some(close(CloseCode::Protocol, "")),
                    Some(Ok(AggregatedMessage::Close(reason))) => return reason,
                    None => return None,
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > live.silence {
                    return Some(close(CloseCode::Policy, "silent"));
                }
                taken(live, session.ping(b"")).await?;
                continue;
            }
        };
        for text in texts {
            taken(live, session.text(text)).await?;
        }
    }
}

/// Who takes nothing for as long as it may be silent is not there any more.
async fn taken(live: &Live, message: impl Future<Output = Result<(), Closed>>) -> Option<()> {
    timeout(live.silence, message).await.ok()?.ok()
}

fn reason(end: End) -> CloseReason {
    match end {
        End::Slow => close(CloseCode::Again, "too slow"),
        End::Unauthorised => close(CloseCode::Policy, "no longer authorised"),
        End::Restart => close(CloseCode::Restart, "restart"),
    }
}

fn close(code: CloseCode, description: &str) -> CloseReason {
    CloseReason {
        code,
        description: Some(description.to_owned()),
    }
}
