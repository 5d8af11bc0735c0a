#include "core/copies/copy_holders.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/object/internal_stores.hpp"

namespace locum {

namespace {

constexpr std::string_view type_name = "locum::copy_set";
constexpr int most_rounds = 64;  // each of which somebody else won
// How often a node is told again that could not say whether its copy is gone, in the time in which a silent
// rank is lost.
constexpr int asks_in_patience = 5;

std::vector<std::uint32_t> numbers_in(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> numbers(bytes.size() / sizeof(std::uint32_t));
  const auto whole = bytes.first(numbers.size() * sizeof(std::uint32_t));
  std::ranges::copy(whole, std::as_writable_bytes(std::span(numbers)).begin());
  return numbers;
}

Error lost_with_a_copy(int node, const Error& cause, FencedNodes::Clock::duration term) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(term).count() + 1;
  return Error(
      Errc::peer_lost,
      "node " + std::to_string(node) +
          " cannot be reached, and has not said that its copy of this object is gone; should it live, "
          "its ranks may find the object for " +
          std::to_string(ms) + " ms more; it is gone everywhere else",
      cause.text());
}

}  // namespace

/// The nodes that are being told, and what they said.
struct CopyHolders::Round {
  Round(const Key& of, BackOff until_told_again) : key(of), back_off(until_told_again) {}

  Key key;
  std::size_t awaited = 1;  // by who tells them
  std::optional<Error> failure;
  bool gone = false;    // the object was out of sight before the list was read: nobody enters it any more
  bool untold = false;  // somebody may show a copy for ever
  BackOff back_off;
  Then then;
};

/// To one of them.
class CopyHolders::Telling final : public Inquiry {
 public:
  Telling(CopyHolders& holders, std::shared_ptr<Round> round, int node, std::span<const std::byte> body,
          Clock::time_point deadline)
      : Inquiry(Kind::invalidate, body, {}, deadline),
        holders_(holders.shared_from_this()),
        round_(std::move(round)),
        node_(node) {}

 private:
  void told(Result<NodeAnswer> answer) noexcept override { holders_->told(*round_, node_, answer); }

  const std::shared_ptr<CopyHolders> holders_;
  const std::shared_ptr<Round> round_;
  const int node_;
};

CopyHolders::CopyHolders(NodeMemory local, std::shared_ptr<Connector> objects,
                         std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                         std::shared_ptr<FencedNodes> fenced, std::chrono::milliseconds timeout)
    : local_(std::move(local)),
      objects_(std::move(objects)),
      exchange_(std::move(exchange)),
      nodes_(std::move(nodes)),
      fenced_(std::move(fenced)),
      timeout_(timeout),
      come_back_to_all_(*exchange_, [this](Clock::time_point) { dissolve_gone(); }) {}

bool CopyHolders::has(const Key& key) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // after the tombstone; its match is in enter()
  const auto list = local_.directory->generation(name_hash(copy_sets_store, internal_name(key)));
  return !list || *list != 0;
}

// Empty where there is none.
Result<ObjectView> CopyHolders::read(const Key& key) const {
  if (!has(key)) {
    return ObjectView();
  }
  auto list = objects_->get(Address(copy_sets_store, internal_name(key)), {});
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
    const auto draft = objects_->create(list.bytes().size() + sizeof number, meta, {});
    if (!draft) {
      return false;
    }
    std::ranges::copy(list.bytes(), draft->bytes.begin());
    std::memcpy(draft->bytes.data() + list.bytes().size(), &number, sizeof number);
    const auto sealed = objects_->seal(*draft, options, {});
    if (!sealed && sealed.error().code() != Errc::key_exists && sealed.error().code() != Errc::stale &&
        sealed.error().code() != Errc::not_found) {
      return false;
    }
    entered = static_cast<bool>(sealed);
  }
  if (!entered) {
    return false;
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);  // after the list; its match is in has()
  if (is_gone(key)) {
    // Whoever took it out of sight may have read the list before this, or not yet, and others are in it.
    dissolve(key);
    return false;
  }
  return true;
}

bool CopyHolders::forget(const Key& key) {
  return !has(key) || local_.directory->unbind(copy_sets_store, internal_name(key), Key{});
}

bool CopyHolders::is_gone(const Key& key) const {
  const auto pin = local_.table->pin(key);
  if (pin) {
    local_.table->release(pin->id);
  }
  return !pin;
}

// Of the objects that somebody may have copies of. Whether it is known which these are.
template <class Each>
bool CopyHolders::for_each_gone(Each each) const {
  const auto lists = local_.directory->names(copy_sets_store, {});
  for (const std::string& name : lists ? *lists : std::vector<std::string>()) {
    if (const auto key = read_words<Key>(std::as_bytes(std::span(name))); key && is_gone(*key)) {
      each(*key);
    }
  }
  return lists.has_value();
}

void CopyHolders::forget_gone(std::uint32_t store) {
  (void)for_each_gone([&](const Key& key) {
    if (key.store == store) {
      forget(key);
    }
  });
}

void CopyHolders::dissolve_gone() noexcept {
  if (!for_each_gone([&](const Key& key) { dissolve(key); })) {
    come_back_to_all_.set(exchange_->now() + first_back_off().pause());
  }
}

void CopyHolders::dissolve(const Key& key, Clock::time_point deadline, Then then) noexcept {
  dissolve(key, deadline, first_back_off(), std::move(then));
}

// \param back_off until those who could not be told are told again
void CopyHolders::dissolve(const Key& key, Clock::time_point deadline, BackOff back_off, Then then) noexcept {
  if (!has(key)) {
    return then({});
  }
  const auto round = std::make_shared<Round>(key, back_off);
  round->gone = is_gone(key);
  round->then = std::move(then);
  tell(round, deadline);
  told(*round, nodes_->own(), NodeAnswer{});
}

void CopyHolders::tell(const std::shared_ptr<Round>& round, Clock::time_point deadline) {
  const auto list = read(round->key);
  if (!list) {
    round->untold = true;
    round->failure = list.error();
    return;
  }
  const KeyWords asked{round->key};
  for (const std::uint32_t member : numbers_in(list->bytes())) {
    const int node = static_cast<int>(member);
    if (node < 0 || node >= nodes_->count() || node == nodes_->own() || nodes_->has_closed(node)) {
      continue;
    }
    if (nodes_->is_lost(node)) {
      note_lost(*round, node, Error(Errc::peer_lost, "it was lost before"));
      continue;
    }
    const auto inquiry = std::make_shared<Telling>(*this, round, node, words(asked), deadline);
    ++round->awaited;
    nodes_->ask(node, inquiry);
  }
}

void CopyHolders::told(Round& round, int node, const Result<NodeAnswer>& answer) noexcept {
  if (!answer && answer.error().code() == Errc::closed && nodes_->has_closed(node)) {
    // It shows nobody its copy any more.
  } else if (!answer && answer.error().code() == Errc::peer_lost) {
    note_lost(round, node, answer.error());
  } else if (!answer) {
    round.untold = true;
    if (!round.failure || round.failure->code() != Errc::timeout) {
      round.failure = answer.error();
    }
  }
  if (--round.awaited == 0) {
    end(round);
  }
}

void CopyHolders::dissolve(const Key& key) noexcept {
  dissolve(key, Deadline().moment(timeout_, exchange_->now()), [](const Result<void>&) {});
}

// It may only be cut off, and its ranks go on reading: until it can be said that they do not, whoever takes
// the object out of sight is told so.
void CopyHolders::note_lost(Round& round, int node, const Error& cause) const noexcept {
  const auto fence = fenced_->fence(node);
  round.untold = round.untold || fence == FencedNodes::Fence::open;
  if (fence != FencedNodes::Fence::shut && (!round.failure || round.failure->code() != Errc::timeout)) {
    round.failure = lost_with_a_copy(node, cause, fenced_->term()).about(to_string(round.key));
  }
}

BackOff CopyHolders::first_back_off() const noexcept {
  return {exchange_->options().patience / asks_in_patience, timeout_};
}

// The list of an object that is there after all, because its name could not be taken from it, stays: who has
// come by a copy since it was read has to be told of the next eviction. A list that says too much costs a
// question, some time.
void CopyHolders::end(Round& round) noexcept {
  if (round.gone && !round.untold) {
    round.untold = !forget(round.key);
  }
  if (round.gone && round.untold) {
    // A node that only needs time is told as often as ever, one that has another reason ever more seldom.
    const bool late = round.failure && round.failure->code() == Errc::timeout;
    come_back(round.key, late ? first_back_off() : round.back_off);
  }
  round.then(round.failure ? Result<void>(*round.failure) : Result<void>());
}

// Not at once: a node may say at once that a stopped process keeps it from dropping its copy. Once, however
// many want the copies of one object gone.
void CopyHolders::come_back(const Key& key, BackOff back_off) noexcept {
  if (!left_.insert(key).second) {
    return;
  }
  const auto due = exchange_->now() + back_off.next();
  exchange_->call_at(due, [weak = weak_from_this(), key, back_off] {
    if (const auto self = weak.lock()) {
      self->left_.erase(key);
      self->dissolve(key, Deadline().moment(self->timeout_, self->exchange_->now()), back_off,
                     [](const Result<void>&) {});
    }
  });
}

}  // namespace locum
