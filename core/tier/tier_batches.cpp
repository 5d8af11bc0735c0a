#include "core/tier/tier_batches.hpp"

#include <cstddef>
#include <vector>

#include "core/tier/batch_pieces.hpp"

namespace locum {

void TierBatches::find_batch(std::span<const Address> addresses, Wanting wanting,
                             std::span<Result<ObjectView>> found, Deadline deadline) {
  const auto until = parts_->until(deadline);
  parts_->front->find_batch(addresses, wanting, found, until);
  std::vector<std::size_t> missing;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    if (TierReader::is_missing(addresses[at], found[at])) {
      missing.push_back(at);
    }
  }
  if (missing.empty()) {
    return;
  }
  const auto asked = picked(addresses, missing);
  std::vector<Result<ObjectView>> brought(asked.size(), Result<ObjectView>(ObjectView()));
  if (wanting == Wanting::facts) {
    brought = reader_->find_in_back(asked, wanting, until);
  } else {
    reader_->load_batch(asked, brought, until, *pool_);
  }
  put_back(std::move(brought), missing, found);
}

void TierBatches::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                             Deadline deadline) {
  const auto until = parts_->until(deadline);
  std::vector<std::size_t> tiered;
  std::vector<std::size_t> others;
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    (TierParts::is_tiered(drafts[at].meta.store, drafts[at].meta.name) ? tiered : others).push_back(at);
  }
  put_back(sealed_together(*parts_->front, picked(drafts, others), until), others, sealed);
  const auto named = picked(drafts, tiered);
  std::vector<Result<Sealed>> kept(tiered.size(), Result<Sealed>(Sealed()));
  if (write_back_) {
    write_back_->seal_batch(named, kept, until, *pool_);
  } else {
    writer_->seal(named, kept, until);
  }
  put_back(std::move(kept), tiered, sealed);
}

}  // namespace locum
