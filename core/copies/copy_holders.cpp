#include "core/copies/copy_holders.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/async/task_group.hpp"
#include "core/object/internal_stores.hpp"

namespace locum {

namespace {

constexpr std::string_view type_name = "locum::copy_set";
constexpr int most_rounds = 64;  // each won by another process
// How often, within the time in which a silent rank is lost, an invalidation is repeated to a node that could
// not confirm that its copy is gone.
constexpr int asks_in_patience = 5;

std::vector<std::uint32_t> numbers_in(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> numbers(bytes.size() / sizeof(std::uint32_t));
  const auto whole = bytes.first(numbers.size() * sizeof(std::uint32_t));
  std::ranges::copy(whole, std::as_writable_bytes(std::span(numbers)).begin());
  return numbers;
}

Error lost_with_a_copy(int node, const Error& cause, FencedNodes::Clock::duration term) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(term).count() + 1;
  return Error(Errc::peer_lost,
               "node " + std::to_string(node) +
                   " cannot be reached, and has not confirmed that it removed its copy of this object; if it "
                   "is alive, its ranks may find the object for " +
                   std::to_string(ms) + " ms more; all other nodes have removed it",
               cause.text());
}

}  // namespace

/// Outcome of the invalidations of a round.
struct CopyHolders::Round {
  const Key key;
  std::optional<Error> failure;
  bool untold = false;  ///< a node may show a copy for ever
};

CopyHolders::CopyHolders(NodeMemory local, std::shared_ptr<Connector> objects, const NodeClient& client,
                         std::shared_ptr<RpcChannel> channel, std::shared_ptr<FencedNodes> fenced)
    : local_(std::move(local)),
      objects_(std::move(objects)),
      client_(client),
      nodes_(client.nodes()),
      channel_(std::move(channel)),
      fenced_(std::move(fenced)),
      come_back_to_all_(*channel_, [this](Clock::time_point) { dissolve_gone(); }) {}

bool CopyHolders::has(const Key& key, const WaitBudget& budget) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // after the tombstone; pairs with enter()
  const auto list = local_.directory->generation(name_hash(copy_sets_store, internal_name(key)), budget);
  return !list || *list != 0;
}

// Empty if there is none.
Result<ObjectView> CopyHolders::read(const Key& key) const {
  const WaitBudget budget = channel_->budget();
  if (!has(key, budget)) {
    return ObjectView();
  }
  auto list = objects_->get(Address(copy_sets_store, internal_name(key)), budget);
  return list || list.error().code() != Errc::not_found ? std::move(list) : Result<ObjectView>(ObjectView());
}

bool CopyHolders::enter(const Key& key, int node) {
  const auto number = static_cast<std::uint32_t>(node);
  const std::string_view name = internal_name(key);
  const ObjectMeta meta{.store = copy_sets_store,
                        .type_hash = text_hash(type_name),
                        .type_name = type_name,
                        .name = name,
                        .extents = {}};
  bool entered = false;
  for (int round = 0; !entered && round < most_rounds; ++round) {
    const auto known = read(key);
    if (!known) {
      return false;
    }
    const ObjectView& list = *known;
    SealOptions options;
    if (list) {
      const auto numbers = numbers_in(list.bytes());
      entered = std::ranges::find(numbers, number) != numbers.end();
      if (entered) {
        break;
      }
      options = {SealMode::replace, list.facts().generation};
    }
    const auto draft = objects_->create(list.bytes().size() + sizeof number, meta, channel_->budget());
    if (!draft) {
      return false;
    }
    std::ranges::copy(list.bytes(), draft->bytes.begin());
    std::memcpy(draft->bytes.data() + list.bytes().size(), &number, sizeof number);
    const auto sealed = objects_->seal(*draft, options, channel_->budget());
    if (!sealed && sealed.error().code() != Errc::key_exists && sealed.error().code() != Errc::stale &&
        sealed.error().code() != Errc::not_found) {
      return false;
    }
    entered = static_cast<bool>(sealed);
  }
  if (!entered) {
    return false;
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);  // after the list; pairs with has()
  if (is_gone(key)) {
    // The evicting thread may have read the list before this, or not yet, and other nodes are in it.
    begin_dissolve(key);
    return false;
  }
  return true;
}

// Whether it could; otherwise the list stays.
bool CopyHolders::forget(const Key& key, const WaitBudget& budget) {
  return !has(key, budget) || local_.directory->unbind(copy_sets_store, internal_name(key), Key{}, budget);
}

bool CopyHolders::is_gone(const Key& key) const {
  const auto pin = local_.table->pin(key);
  if (pin) {
    local_.table->release(pin->id);
  }
  return !pin;
}

// The objects that other nodes may have copies of. Whether these are known.
template <class Each>
bool CopyHolders::for_each_gone(const WaitBudget& budget, Each each) const {
  const auto lists = local_.directory->names(copy_sets_store, {}, budget);
  for (const std::string& name : lists ? *lists : std::vector<std::string>()) {
    if (const auto key = read_words<Key>(std::as_bytes(std::span(name))); key && is_gone(*key)) {
      each(*key);
    }
  }
  return lists.has_value();
}

void CopyHolders::forget_gone(std::uint32_t store) {
  (void)for_each_gone({}, [&](const Key& key) {
    if (key.store == store) {
      forget(key, {});
    }
  });
}

void CopyHolders::dissolve_gone() noexcept {
  if (!for_each_gone(channel_->budget(), [&](const Key& key) { begin_dissolve(key); })) {
    come_back_to_all_.set(channel_->now() + first_back_off().pause());
  }
}

Task<Result<void>> CopyHolders::dissolve(Key key, Moment until) {
  return dissolve(key, until, first_back_off());
}

void CopyHolders::begin_dissolve(const Key& key) noexcept {
  client_.operation(dissolve_alone(key))->begin_by_driver();
}

Task<std::monostate> CopyHolders::dissolve_alone(Key key) {
  (void)co_await dissolve(key, client_.moment({}));
  co_return std::monostate();
}

// The list of an object that still exists, because its name could not be unbound, stays: a node that received
// a copy since the list was read has to be notified of the next eviction. An entry too many costs one request
// later.
// \param back_off until invalidations that could not be sent are repeated
Task<Result<void>> CopyHolders::dissolve(Key key, Moment until, BackOff back_off) {
  const WaitBudget budget = co_await Operation::Budget();
  if (!has(key, budget)) {
    co_return Result<void>();
  }
  co_await Operation::ToDriver();
  const auto self = shared_from_this();
  Round round{key, std::nullopt};
  const bool gone = is_gone(key);  // before the list is read: then no node is added any more
  (void)co_await tell_all(round, until);
  if (gone && !round.untold) {
    round.untold = !forget(key, channel_->budget());
  }
  if (gone && round.untold && left_.insert(key).second) {
    // Repeated at a constant interval to a node that only needs time, and ever less often after other errors.
    const bool late = round.failure && round.failure->code() == Errc::timeout;
    client_.operation(come_back(key, late ? first_back_off() : back_off))->begin_by_driver();
  }
  co_return round.failure ? Result<void>(*round.failure) : Result<void>();
}

Task<std::monostate> CopyHolders::tell_all(Round& round, Moment until) {
  std::vector<std::uint32_t> members;
  if (const auto list = read(round.key)) {
    members = numbers_in(list->bytes());
  } else {
    round.untold = true;
    round.failure = list.error();
  }
  TaskGroup told;
  for (const std::uint32_t member : members) {
    const int node = static_cast<int>(member);
    if (node < 0 || node >= nodes_.count() || node == nodes_.own() || nodes_.has_closed(node)) {
      continue;
    }
    if (nodes_.is_lost(node)) {
      note_lost(round, node, Error(Errc::peer_lost, "it is already lost"));
    } else {
      told.begin(client_.operation(tell(round, node, until)));
    }
  }
  while (co_await told.next()) {
    told.work(channel_->budget());
  }
  co_return std::monostate();
}

Task<std::monostate> CopyHolders::tell(Round& round, int node, Moment until) {
  const auto reply = co_await client_.request(node, Kind::invalidate, words(KeyWords{round.key}), {}, until);
  if (!reply && reply.error().code() == Errc::closed && nodes_.has_closed(node)) {
    // Its ranks show the copy no more.
  } else if (!reply && reply.error().code() == Errc::peer_lost) {
    note_lost(round, node, reply.error());
  } else if (!reply) {
    round.untold = true;
    if (!round.failure || round.failure->code() != Errc::timeout) {
      round.failure = reply.error();
    }
  }
  co_return std::monostate();
}

// Not at once: a node may reply at once that a stopped process keeps it from dropping its copy. Once per
// object, however many evictions wait for it.
Task<std::monostate> CopyHolders::come_back(Key key, BackOff back_off) {
  const auto self = shared_from_this();
  const auto awake = client_.now() + back_off.pause();
  co_await client_.paused(back_off.next());
  left_.erase(key);
  if (client_.now() >= awake) {  // otherwise the channel has closed
    (void)co_await dissolve(key, client_.moment({}), back_off);
  }
  co_return std::monostate();
}

// It may only be cut off, and its ranks still read: until that is excluded, evictions report it.
void CopyHolders::note_lost(Round& round, int node, const Error& cause) const noexcept {
  const auto fence = fenced_->fence(node);
  round.untold = round.untold || fence == FencedNodes::Fence::open;
  if (fence != FencedNodes::Fence::shut && (!round.failure || round.failure->code() != Errc::timeout)) {
    round.failure = lost_with_a_copy(node, cause, fenced_->term()).about(to_string(round.key));
  }
}

BackOff CopyHolders::first_back_off() const noexcept {
  return {channel_->options().patience / asks_in_patience, client_.timeout()};
}

}  // namespace locum
