#pragma once

#include <memory>
#include <span>
#include <utility>

#include "core/backend/call_pool.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/batches.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/tier_batch_writer.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/write_back.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The batched calls of a tier: what memory has, or is in memory alone, in one call of memory; the rest in
/// few calls of memory and of the backend (see TierReader, TierBatchWriter, WriteBack). Any thread.
class TierBatches final : public Batches {
 public:
  /// \param write_back null: what is put is in the backend when the call returns
  TierBatches(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader,
              std::shared_ptr<TierBatchWriter> writer, std::shared_ptr<WriteBack> write_back,
              std::shared_ptr<CallPool> pool)
      : parts_(std::move(parts)),
        reader_(std::move(reader)),
        writer_(std::move(writer)),
        write_back_(std::move(write_back)),
        pool_(std::move(pool)) {}

  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override;
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override;
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override {
    writer_->evict(addresses, evicted, parts_->until(deadline));
  }

 private:
  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierBatchWriter> writer_;
  const std::shared_ptr<WriteBack> write_back_;
  const std::shared_ptr<CallPool> pool_;
};

}  // namespace locum
