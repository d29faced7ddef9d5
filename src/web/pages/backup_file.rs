//! `/system/backup/{name}`: one backup as a file. It is on the disk already, so a slow reader holds
//! up nothing but itself.

use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::header,
    web::{self, Bytes},
};

use super::{carry_out, visitor::Visitor};
use crate::{
    domain::Problem,
    web::{State, problem::Reply},
};

/// Bytes read at once.
const PART: u64 = 256 << 10;

type Reading = Pin<Box<dyn Future<Output = io::Result<(File, Bytes)>>>>;

/// A file on its way out.
struct Sending {
    length: u64,
    left: u64,
    reading: Option<Reading>,
}

/// Sends the file.
pub async fn download(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let name = request.match_info().get("name").unwrap_or_default().to_owned();
    let (service, actor, asked) = (state.service().clone(), visitor.actor, name.clone());
    let file = carry_out(async move { service.open_backup(&actor, &asked).await }).await?;
    let length = file.metadata().map_err(|_| Problem::internal())?.len();
    let sending = Sending { length, left: length, reading: Some(Box::pin(read(file, length))) };
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(sending))
}

async fn read(mut file: File, left: u64) -> io::Result<(File, Bytes)> {
    let part = web::block(move || {
        let mut bytes = Vec::with_capacity(left.min(PART) as usize);
        (&mut file).take(PART).read_to_end(&mut bytes)?;
        Ok((file, bytes.into()))
    });
    part.await.map_err(io::Error::other)?
}

impl MessageBody for Sending {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let (file, bytes) = ready!(reading.as_mut().poll(context))?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if bytes.is_empty() && self.left > 0 {
            // Somebody cut it off; the answer breaks off too, so that nobody takes a part for the whole.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.reading = (self.left > 0).then(|| -> Reading { Box::pin(read(file, self.left)) });
        Poll::Ready(Some(Ok(bytes)))
    }
}
