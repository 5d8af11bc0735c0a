#include "core/client/node_batches.hpp"

#include <algorithm>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/client/batch_bind.hpp"
#include "core/client/batch_evict.hpp"
#include "core/node/publish.hpp"

namespace locum {

// The results of a batch for other nodes, at their positions among all; or the error. Meanwhile this thread
// runs `meanwhile`, which may wait.
template <class T, class Meanwhile>
void NodeBatches::run(Deadline::Clock::time_point until, const std::vector<std::size_t>& places,
                      std::span<Result<T>> all, Task<Result<std::vector<Result<T>>>> task,
                      Meanwhile meanwhile) const {
  const auto operation = client_.operation(std::move(task));
  client_.begin(*operation);
  meanwhile();
  auto brought = client_.wait(*operation, until) ? operation->take()
                                                 : Result<std::vector<Result<T>>>(client_.nobody_answered());
  for (std::size_t at = 0; at < places.size(); ++at) {
    all[places[at]] = brought ? std::move((*brought)[at]) : Result<T>(brought.error());
  }
}

// This thread does the changes without other nodes, once the requests are sent: it may have to wait for a
// lock, and must not take their time for that.
void NodeBatches::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                             Deadline deadline) {
  const auto until = client_.moment(deadline);
  std::vector<std::size_t> alone;
  std::vector<std::size_t> places;
  std::vector<Key> keys;
  const bool has_room = unless_out_of_memory([&] {
    alone.reserve(drafts.size());
    places.reserve(drafts.size());
    keys.reserve(drafts.size());
  });
  if (!has_room) {
    std::ranges::for_each(drafts, [this](const ObjectDraft& draft) { alone_.discard(draft); });
    std::ranges::fill(sealed, Result<Sealed>(no_memory_left()));
    return;
  }
  const auto seal_alone = [&](std::size_t at) { sealed[at] = alone_.seal(drafts[at], {}, until); };
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    if (writer_->binds_alone(drafts[at].meta, {})) {
      alone.push_back(at);
    } else if (const auto key = publish(*writer_->memory().table, *writer_->memory().arena, drafts[at])) {
      places.push_back(at);
      keys.push_back(*key);
    } else {
      sealed[at] = key.error();
    }
  }
  const auto seal_all_alone = [&] { std::ranges::for_each(alone, seal_alone); };
  if (places.empty()) {
    return seal_all_alone();
  }
  run(until, places, sealed, BatchBind::bind(writer_, std::move(keys), until), seal_all_alone);
}

// This thread evicts local objects without a name, unless another node has a copy.
void NodeBatches::evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                              Deadline deadline) {
  const auto until = client_.moment(deadline);
  std::vector<std::size_t> places;
  std::vector<Lookup> others;
  const bool has_room = unless_out_of_memory([&] {
    places.reserve(addresses.size());
    others.reserve(addresses.size());
  });
  if (!has_room) {
    std::ranges::fill(evicted, Result<bool>(no_memory_left()));
    return;
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    if (writer_->evicts_alone(addresses[at]) && !writer_->has_copies(addresses[at].key)) {
      evicted[at] = alone_.evict(addresses[at], until);
    } else {
      others.emplace_back(addresses[at], until);
      places.push_back(at);
    }
  }
  if (!places.empty()) {
    run(until, places, evicted, BatchEvict::evict(writer_, std::move(others), until), [] {});
  }
}

// This thread reads local objects; for all others it checks only once whether this node knows of them.
void NodeBatches::find_batch(std::span<const Address> addresses, Wanting wanting,
                             std::span<Result<ObjectView>> found, Deadline deadline) {
  const auto until = client_.moment(deadline);
  BatchWanted elsewhere(wanting, until);
  std::vector<std::size_t> places;
  const bool has_room = unless_out_of_memory([&] {
    elsewhere.reserve(addresses.size());
    places.reserve(addresses.size());
  });
  if (!has_room) {
    std::ranges::fill(found, Result<ObjectView>(no_memory_left()));
    return;
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    auto [one, has_no_copy] = reader_->at_hand(addresses[at], until);
    if (!one || *one) {
      found[at] = std::move(one);
      continue;
    }
    elsewhere.add(addresses[at], has_no_copy);
    places.push_back(at);
  }
  if (places.empty()) {
    return;
  }
  auto brought = find_elsewhere(std::move(elsewhere));
  for (std::size_t at = 0; at < places.size(); ++at) {
    found[places[at]] = brought ? std::move((*brought)[at]) : Result<ObjectView>(brought.error());
  }
}

Result<BatchSearch::Found> NodeBatches::find_elsewhere(BatchWanted wanted) const {
  const auto began = client_.now();
  const auto until = wanted.until;
  const bool has_bytes = wanted.wanting != Wanting::facts;
  wanted.keep_names();
  const auto operation = client_.operation(BatchSearch::find(reader_, std::move(wanted)));
  const bool ended = client_.run(*operation, until);
  const auto took = client_.now() - began;
  client_.times()->block(took);
  if (!ended) {
    return client_.nobody_answered();
  }
  auto found = operation->take();
  if (!found || !has_bytes) {
    return found;
  }
  for (const Result<ObjectView>& one : *found) {
    if (one && *one) {
      client_.times()->took(one->path(), took);
    }
  }
  return found;
}

}  // namespace locum
