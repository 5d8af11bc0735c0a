#include "core/writer.hpp"

#include <memory>
#include <utility>

#include "core/detail/begun_seal.hpp"
#include "core/detail/session_state.hpp"

namespace locum::detail {

OwnedDraft& OwnedDraft::operator=(OwnedDraft&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(draft_, other.draft_);
  return *this;
}

Error closed_error(const OpenStore& store) {
  return store.session->closed() ? store.session->closed_error()
                                 : Error(Errc::closed, "the store was dropped; open it again");
}

namespace {

/// A draft that may be sealed, and the deadline.
struct Sealable {
  std::shared_ptr<OpenStore> store;
  Deadline deadline;
};

// If it may not, the memory is freed now, not when the caller happens to destroy the writer.
[[gnu::hot]] Result<Sealable> sealable(OwnedDraft& draft, std::string_view name, Deadline deadline) {
  if (!draft.owns()) {
    return Error(Errc::invalid_argument, "this writer is already sealed; create another one");
  }
  std::shared_ptr<OpenStore> store = draft.release();
  SessionState& session = *store->session;
  if (session.closed() || store->dropped.load(std::memory_order_relaxed)) {
    session.discard(draft.draft());
    return session.explain(Address(store->number, name), closed_error(*store));
  }
  if (deadline.is_default() && store->options.timeout.count() > 0) {
    deadline = store->options.timeout;
  }
  return Sealable{std::move(store), deadline};
}

}  // namespace

[[gnu::hot]] Result<Key> seal_writer(OwnedDraft& draft, std::string_view name, Deadline deadline,
                                     const SealOptions& options) {
  const auto allowed = sealable(draft, name, deadline);
  if (!allowed) {
    return allowed.error();
  }
  OpenStore& store = *allowed->store;
  SessionState& session = *store.session;
  const Address address(store.number, name);
  const std::uint64_t size_bytes = draft.bytes().size();
  const auto sealed = session.connector().seal(draft.draft(), options, allowed->deadline);
  if (!sealed) {
    return session.explain(address, sealed.error());
  }
  if (store.dropped_meanwhile()) [[unlikely]] {
    (void)session.connector().evict(Address(sealed->key), {});
    return session.explain(address, closed_error(store));
  }
  session.metrics().count_write(session.written_by(), size_bytes);
  return sealed->key;
}

[[gnu::hot]] Result<Key> OpenWriter::seal(Deadline deadline) {
  return seal_writer(draft_, name_, deadline);
}

Result<Key> OpenWriter::replace(Deadline deadline, std::uint64_t expected_generation) {
  if (name_.empty()) {
    return Error(Errc::invalid_argument,
                 "this object has no name, which replaces nothing; seal it, or create it with one");
  }
  return seal_writer(draft_, name_, deadline, {SealMode::replace, expected_generation});
}

AsyncResult<Key> OpenWriter::seal_async(Deadline deadline) {
  if (name_.empty()) {
    return AsyncResult<Key>(seal(deadline));  // no other node is involved
  }
  const auto allowed = sealable(draft_, name_, deadline);
  return allowed ? begin_seal(allowed->store, draft_.draft(), name_, {}, allowed->deadline,
                              allowed->store->session->written_by())
                 : AsyncResult<Key>(allowed.error());
}

}  // namespace locum::detail
