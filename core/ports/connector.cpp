#include "core/ports/connector.hpp"

#include <utility>

#include "core/ports/batches.hpp"
#include "core/ports/name_homes.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/node_contents.hpp"
#include "core/ports/store_numbers.hpp"

namespace locum {

void Connector::find_batch(std::span<const Address> addresses, Wanting wanting,
                           std::span<Result<ObjectView>> found, Deadline deadline) {
  if (Batches* const together = capability<Batches>()) {
    return together->find_batch(addresses, wanting, found, deadline);
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    found[at] =
        wanting == Wanting::facts ? get_some(addresses[at], Facts(), deadline) : get(addresses[at], deadline);
  }
}

void Connector::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                           Deadline deadline) {
  if (Batches* const together = capability<Batches>()) {
    return together->seal_batch(drafts, sealed, deadline);
  }
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    sealed[at] = seal(drafts[at], {}, deadline);
  }
}

void Connector::evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                            Deadline deadline) {
  if (Batches* const together = capability<Batches>()) {
    return together->evict_batch(addresses, evicted, deadline);
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    evicted[at] = evict(addresses[at], deadline);
  }
}

void Connector::watch(const Address& address, const std::shared_ptr<NameWatcher>& watcher) {
  if (NameWaits* const waits = capability<NameWaits>()) {
    waits->watch(address, watcher);
  }
}

std::shared_ptr<Look> Connector::look_later(const Address& address, CountsUntil counts, Deadline deadline) {
  NameWaits* const waits = capability<NameWaits>();
  return waits != nullptr ? waits->look_later(address, counts, deadline) : nullptr;
}

std::vector<Key> Connector::keys_of_node(std::uint32_t store) {
  NodeContents* const contents = capability<NodeContents>();
  return contents != nullptr ? contents->keys_of_node(store) : std::vector<Key>();
}

std::string Connector::name_near(std::uint32_t rank, std::uint32_t store, std::string stem) const {
  const NameHomes* const homes = capability<NameHomes>();
  return homes != nullptr ? homes->name_near(rank, store, std::move(stem)) : stem;
}

std::uint64_t Connector::store_number(std::string_view name, std::uint64_t generation) const {
  const StoreNumbers* const numbers = capability<StoreNumbers>();
  return numbers != nullptr ? numbers->store_number(name, generation) : generation;
}

}  // namespace locum
