#include "core/detail/batch_steps.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/ports/wanting.hpp"
#include "core/raw_value.hpp"

namespace locum::detail {

OwnedDrafts::~OwnedDrafts() {
  for (const ObjectDraft& draft : drafts_) {
    discard(*store_->session, draft);
  }
}

void OwnedDrafts::reserve(std::size_t count) {
  drafts_.reserve(count);
}

void OwnedDrafts::add(const ObjectDraft& draft) {
  try {
    drafts_.push_back(draft);
  } catch (...) {
    discard(*store_->session, draft);
    throw;
  }
}

std::vector<ObjectDraft> OwnedDrafts::release() noexcept {
  return std::exchange(drafts_, {});
}

void BatchAddresses::reserve(std::size_t count) {
  all_.reserve(count);
}

void BatchAddresses::add(const Key& key) {
  all_.emplace_back(key);
}

void BatchAddresses::add(const OpenStore& store, std::string_view name) {
  all_.emplace_back(store.number, name);
}

void BatchAddresses::keep(const OpenStore& store, std::string_view name) {
  kept_.push_back(in_collection(store.collection, name));
}

void BatchAddresses::add_kept(const OpenStore& store) {
  for (const std::string_view name : kept_) {
    add(store, name);
  }
}

bool BatchSteps::come_together(const Choice& choice, std::size_t alignment) noexcept {
  return choice.type == nullptr && alignment <= batch_alignment;
}

std::vector<Result<ObjectView>> BatchSteps::find_batch(const BatchAddresses& asked, Deadline deadline) const {
  return find_batch(asked, Wanting::all, deadline, true);
}

std::vector<Result<ObjectView>> BatchSteps::find_facts(const BatchAddresses& asked, Deadline deadline) const {
  return find_batch(asked, Wanting::facts, deadline, true);
}

// Those that cannot be asked for are left out.
std::vector<Result<ObjectView>> BatchSteps::find_batch(const BatchAddresses& asked, Wanting wanting,
                                                       Deadline deadline, bool reads_files) const {
  const std::vector<Address>& all = asked.all();
  std::vector<Result<ObjectView>> found(all.size(), Result<ObjectView>(ObjectView()));
  const auto is_right = [&](const Address& address) {
    return asked.by_name()
               ? !address.name.empty() && address.name.size() <= max_name_bytes && !is_reserved(address.name)
               : address.key.store == open_->number;
  };
  const bool is_open = !open_->dropped.load(std::memory_order_relaxed);
  const Deadline until = moment(deadline);
  if (is_open && std::ranges::all_of(all, is_right)) {
    session().find_batch(all, wanting, found, until, reads_files);
    return found;
  }
  std::vector<Address> some;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (is_open && is_right(all[at])) {
      some.push_back(all[at]);
      places.push_back(at);
    } else {
      found[at] = asked.by_name() ? refusal(all[at].name) : refusal(all[at].key);
    }
  }
  std::vector<Result<ObjectView>> of_some(some.size(), Result<ObjectView>(ObjectView()));
  session().find_batch(some, wanting, of_some, until, reads_files);
  for (std::size_t at = 0; at < places.size(); ++at) {
    found[places[at]] = std::move(of_some[at]);
  }
  return found;
}

Result<Key> BatchSteps::draft_in_batch(std::string_view name, bool named, const RawValue& value,
                                       const StoredHow& how, OwnedDrafts& drafts) const {
  const auto made = draft_of(name, named, value, how);
  if (!made) {
    return made.error();
  }
  drafts.add(*made);
  return Key{};
}

// A promise that has ended without a value has none, nor one whose name was replaced, as exists() has it.
std::vector<Result<bool>> BatchSteps::exist_all(const BatchAddresses& asked, Deadline deadline) const {
  std::vector<Result<bool>> exist;
  exist.reserve(asked.all().size());
  for (const auto& object : find_batch(asked, Wanting::facts, deadline, false)) {
    const Errc code = object ? Errc{} : object.error().code();
    const bool is_absent = code == Errc::not_found || code == Errc::stale || code == Errc::broken_promise;
    exist.push_back(object || is_absent ? Result<bool>(!is_absent) : Result<bool>(object.error()));
  }
  return exist;
}

void BatchSteps::seal_drafts(OwnedDrafts& drafts, std::vector<Result<Key>>& keys, std::size_t& sealed,
                             Deadline until,
                             const std::function<std::string_view(std::size_t)>& name_of) const {
  // Allocated before the drafts are released: if there is no memory for it, they are discarded.
  std::vector<Result<Sealed>> made(drafts.all().size(), no_memory_left());
  const std::vector<ObjectDraft> to_seal = drafts.release();
  session().connector().seal_batch(to_seal, made, moment(until));
  std::size_t each = 0;
  for (; sealed < keys.size(); ++sealed) {
    if (keys[sealed]) {
      keys[sealed] = key_in_batch(full(name_of(sealed)), made[each], to_seal[each].bytes.size());
      ++each;
    }
  }
}

std::vector<Result<Key>> BatchSteps::sealed(DraftedBatch& batch, Deadline until) const {
  std::size_t done = 0;
  seal_drafts(batch.drafts, batch.keys, done, until,
              [&](std::size_t at) -> std::string_view { return batch.names[at]; });
  return std::move(batch.keys);
}

// The error is as the connector tells of it: the name of one that failed went with it. Where the store was
// dropped meanwhile, the drop may have come before the name stood for the object.
Result<Key> BatchSteps::key_in_batch(std::string_view name, const Result<Sealed>& sealed,
                                     std::uint64_t size_bytes) const noexcept {
  const Address address(open_->number, name);
  if (!sealed) {
    return session().explain(address, sealed.error());
  }
  if (open_->dropped_meanwhile()) [[unlikely]] {
    (void)session().connector().evict(Address(sealed->key), {});
    (void)session().connector().evict(address, {});
    return refusal(sealed->key);
  }
  session().metrics().count_write(session().copied_by(), size_bytes);
  return sealed->key;
}

// Those that cannot be asked for are left out; and so are promises, which are evicted one by one.
std::vector<Result<bool>> BatchSteps::evict_all(const BatchAddresses& asked, Deadline deadline) const {
  const std::vector<Address>& all = asked.all();
  std::vector<Result<bool>> evicted(all.size(), no_memory_left());
  std::vector<Address> some;
  std::vector<std::size_t> places;
  std::vector<Result<bool>> of_some(all.size(), no_memory_left());
  some.reserve(all.size());
  places.reserve(all.size());
  std::vector<std::size_t> promised;
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto allowed = asked.by_name() ? usable(all[at].name) : usable(all[at]);
    if (!allowed) {
      evicted[at] = allowed.error();
    } else if (all[at].key.store != open_->number) {
      evicted[at] = false;
    } else if (!asked.by_name() && is_promised(all[at].key)) {
      promised.push_back(at);
    } else {
      some.push_back(all[at]);
      places.push_back(at);
    }
  }
  const Deadline until = moment(deadline);
  session().connector().evict_batch(some, std::span(of_some).first(some.size()), until);
  for (std::size_t at = 0; at < some.size(); ++at) {
    if (!of_some[at]) {
      evicted[places[at]] = session().explain(some[at], of_some[at].error());
      continue;
    }
    Metrics::add(session().metrics().evictions, *of_some[at] ? 1U : 0U);
    session().forget_decoded(some[at]);
    evicted[places[at]] = of_some[at];
  }
  session().promises().evicted_some(some.size());
  for (const std::size_t at : promised) {
    evicted[at] = evict_promised(all[at].key, until);
  }
  return evicted;
}

}  // namespace locum::detail
