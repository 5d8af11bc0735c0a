// Of RemoteReader: waits for a name that nobody has put yet, ahead of use and for promises. Where its home is
// another node, one request there is answered once it is put; where it is this one, or the name is that of a
// promise, RemoteWaits notifies. A thread that is blocked in a wait comes through by_name(), which sends the
// same request.
#include <utility>

#include "core/async/until_unlocked.hpp"
#include "core/client/remote_reader.hpp"
#include "core/node/promised.hpp"
#include "core/node/reference.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

/// Increments a counter for a scope.
class Counted {
 public:
  explicit Counted(std::atomic<std::uint32_t>& count) noexcept : count_(count) {
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t>& count_;
};

}  // namespace

// The object under the name of a promise, as soon as there is one; with its bytes, if it is here.
Task<Result<NameAnswer>> RemoteReader::await(const Lookup& wanted, const Key& promised,
                                             AwaitedPromise::For who) {
  auto named = co_await AwaitedPromise(*waits_, promised, wanted.name, wanted.until, who);
  if (!named) {
    co_return named.error().about(wanted.name);
  }
  if (owner(promised) == nodes_.own()) {
    const auto get = [&](const WaitBudget& budget) { return local_->get(wanted.address(), budget); };
    auto found = co_await until_unlocked(*client_, wanted.until, get);
    if (!found) {
      co_return found.error();
    }
    named->found = std::move(*found);
  }
  co_return std::move(named);
}

Task<Result<NameAnswer>> RemoteReader::await_ahead(const Lookup& wanted, const Key& promised) {
  const Counted one(awaiting_);
  co_return co_await await(wanted, promised, AwaitedPromise::For::later_use);
}

// What a name stands for, as soon as somebody puts it; with the object, if that is here or came along.
Task<Result<NameAnswer>> RemoteReader::await_name(const Lookup& wanted) {
  constexpr int most_rounds = 16;  // between which it was put, and gone before it was read
  const Counted one(awaiting_);
  const int home = home_of(wanted);
  if (home != nodes_.own()) {
    auto reply = co_await request(wanted, home, Urgency::soon);
    co_return read_name_answer(nodes_, wanted.key.store, wanted.name, home, true, std::move(reply));
  }
  for (int round = 1;; ++round) {
    auto named = co_await AwaitedPromise(*waits_, wanted.key.store, wanted.name, wanted.until);
    if (!named) {
      const bool is_late = named.error().code() == Errc::timeout;
      co_return (is_late ? name_not_put() : named.error()).about(wanted.name);
    }
    const auto look = [&](const WaitBudget& budget) { return look_here(wanted, budget, named->said); };
    auto found = co_await until_unlocked(*client_, wanted.until, look);
    if (found) {
      named->found = std::move(*found);
      co_return std::move(named);
    }
    if (found.error().code() != Errc::not_found || round == most_rounds) {
      co_return found.error();
    }
  }
}

// Whether it fits is asked when it is known how large it is. What is here needs no room.
Task<Ahead> RemoteReader::find_awaited(std::shared_ptr<RemoteReader> reader, Lookup wanted,
                                       CountsUntil until) {
  const bool by_default = wanted.until == Deadline::Clock::time_point::max();
  if (by_default) {
    wanted.until = reader->client_->moment({});
  }
  const auto promised = promise_named(wanted.key.store, wanted.name);
  Result<NameAnswer> named = NameAnswer();
  if (promised) {
    named = co_await reader->await_ahead(wanted, *promised);
  } else {
    named = co_await reader->await_name(wanted);
  }
  if (!named) {
    co_return Ahead{.way = {}, .found = named.error()};
  }
  if (!co_await Operation::IsWanted()) {
    co_return Ahead{.way = {}, .found = result_unwanted(Errc::timeout).about(wanted.name)};
  }
  Result<ObjectView> found = std::move(named->found);
  const auto kept = *found && promised ? kept_elsewhere(*found) : std::nullopt;
  const bool is_at_home = reader->home_of(wanted) == reader->nodes_.own();
  if (promised ? reader->is_here(*promised) : is_at_home && *found) {
    if (kept) {
      found = co_await reader->find(Lookup(*kept, wanted.until));
    }
    co_return Ahead{.way = {}, .found = std::move(found)};
  }
  const std::uint64_t bytes = kept     ? kept->size_bytes
                              : *found ? found->bytes().size()
                                       : named->said.record.size_bytes;
  Turn turn(*reader->client_, reader->windows_.of(until),
            by_default ? Deadline::Clock::time_point::max() : wanted.until);
  if (auto entered = co_await turn.enter(bytes); !entered) {
    co_return Ahead{.way = {}, .found = entered.error().about(wanted.text())};
  }
  wanted.until = turn.until();
  if (kept) {
    found = co_await reader->find(Lookup(*kept, wanted.until));
  } else if (!*found) {
    wanted.waits = false;  // if that is gone, it is requested like any name
    found = co_await reader->find_behind(std::move(wanted), named->said);
  }
  co_return arrived(turn, std::move(found));
}

}  // namespace locum
