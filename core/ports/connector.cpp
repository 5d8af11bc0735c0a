#include "core/ports/connector.hpp"

namespace locum {

void Connector::find_batch(std::span<const Address> addresses, Wanting wanting,
                           std::span<Result<ObjectView>> found, Deadline deadline) {
  if (Batches* const together = batches()) {
    return together->find_batch(addresses, wanting, found, deadline);
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    found[at] =
        wanting == Wanting::facts ? get_some(addresses[at], Facts(), deadline) : get(addresses[at], deadline);
  }
}

void Connector::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                           Deadline deadline) {
  if (Batches* const together = batches()) {
    return together->seal_batch(drafts, sealed, deadline);
  }
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    sealed[at] = seal(drafts[at], {}, deadline);
  }
}

void Connector::evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                            Deadline deadline) {
  if (Batches* const together = batches()) {
    return together->evict_batch(addresses, evicted, deadline);
  }
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    evicted[at] = evict(addresses[at], deadline);
  }
}

}  // namespace locum
