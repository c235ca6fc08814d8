//! The window: entries prepared ahead of the archive, which takes them in order.

use std::sync::Arc;

use futures_util::future::Either;
use futures_util::{Stream, StreamExt, future, stream};
use tokio_util::task::AbortOnDropHandle;

use super::error::EntryError;
use super::prepare::{Preparation, Ready};

/// The number of entries prepared ahead of the archive.
const WINDOW: usize = 192;

/// Returns the prepared entries in order, with `None` for entries without content. What is at hand is ready at once.
/// Each of the others is prepared in its own task. Dropping the stream ends the tasks.
pub(super) fn in_order(
    preparation: &Arc<Preparation>,
) -> impl Stream<Item = Result<Option<Ready>, EntryError>> + Send + use<> {
    let (preparation, count) = (preparation.clone(), preparation.entries.len());
    let prepare = move |index: usize| {
        if !preparation.entries[index].kind.has_content() {
            return Either::Left(future::ready(Ok(None)));
        }
        if let Some(ready) = preparation.ready_now(index) {
            return Either::Left(future::ready(ready.map(Some)));
        }
        let preparation = preparation.clone();
        let task = tokio::spawn(async move { preparation.entry(index).await });
        let task = AbortOnDropHandle::new(task);
        Either::Right(async move { task.await.unwrap_or(Err(EntryError::Panicked)).map(Some) })
    };
    stream::iter(0..count).map(prepare).buffered(WINDOW)
}
