#include "core/detail/begun_seal.hpp"

#include <new>
#include <string>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/detail/coming_state.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/metrics.hpp"
#include "core/writer.hpp"

namespace locum::detail {

namespace {

/// The store was dropped while an object's bind was in progress; the name may be bound nevertheless if the
/// drop came first. Must not run on the thread that noticed it: it waits.
class LateEviction final : public Continuation {
 public:
  LateEviction(std::shared_ptr<OpenStore> open, const Key& key, std::string name)
      : open_(std::move(open)), key_(key), name_(std::move(name)) {}
  void run() noexcept override {
    Connector& connector = open_->session->connector();
    (void)connector.evict(Address(key_), {});
    (void)connector.evict(Address(key_.store, name_), {});
  }

 private:
  const std::shared_ptr<OpenStore> open_;
  const Key key_;
  const std::string name_;
};

void evict_soon(const std::shared_ptr<OpenStore>& open, const Key& key, const std::string& name) noexcept {
  open->session->completions()->schedule(std::make_unique<LateEviction>(open, key, name));
}

}  // namespace

AsyncResult<Key> begin_seal(const std::shared_ptr<OpenStore>& open, const ObjectDraft& draft,
                            std::string_view name, const SealOptions& options, Deadline deadline,
                            Path written_by) {
  OwnedDraft owned(open, draft);
  SessionState& session = *open->session;
  std::string of(name);
  // Owns nothing whose destructor ends open operations.
  const auto note = [weak = std::weak_ptr(open), to = session.weak_from_this(), of,
                     bytes = draft.bytes.size(), written_by](const Result<Sealed>& sealed) noexcept {
    if (!sealed) {
      return;
    }
    if (const auto store = weak.lock(); store && store->dropped_meanwhile()) [[unlikely]] {
      return evict_soon(store, sealed->key, of);
    }
    if (const auto still = to.lock()) {
      still->metrics().count_write(written_by, bytes);
    }
  };
  return begin_coming<Key, Sealed>(
      session.completions(),
      [&] {
        (void)owned.release();
        return session.connector().seal_or_task(draft, options, CountsUntil::it_is_got, deadline);
      },
      [open, of = std::move(of)](const Result<Sealed>& sealed) {
        if (sealed && !open->dropped.load(std::memory_order_relaxed)) {
          return Result<Key>(sealed->key);
        }
        return Result<Key>(
            open->session->explain(Address(open->number, of), sealed ? closed_error(*open) : sealed.error()));
      },
      note);
}

}  // namespace locum::detail
