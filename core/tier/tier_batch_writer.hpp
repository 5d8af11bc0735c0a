#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/batches.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/tier_writer.hpp"
#include "core/tier/unwritten_names.hpp"
#include "core/tier/write_back_queue.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Changes many names in the backend and in memory, in few requests: of each name what TierWriter does with
/// it. Names that another thread is busy with come last, one by one, on the threads of a pool. Blocks until
/// the moment. Any thread.
class TierBatchWriter {
 public:
  using Moment = TierWriter::Moment;

  TierBatchWriter(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader,
                  std::shared_ptr<TierWriter> writer, std::shared_ptr<CallPool> pool)
      : parts_(std::move(parts)),
        reader_(std::move(reader)),
        writer_(std::move(writer)),
        pool_(std::move(pool)) {}

  /// Puts each. REQUIRES: of drafts whose names are in the backend, too; as many `sealed` as drafts.
  void seal(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed, Moment until);
  /// Stores what memory has under names that were written back: what the backend has not yet in one request,
  /// what takes the place of something there by two requests each. Tells of a name as soon as it is stored,
  /// so that one with which another thread is busy holds back no other.
  void write(std::span<const UnwrittenName> names, const WriteBackQueue::Written& written, Moment until);
  /// Evicts each. REQUIRES: as many `evicted` as addresses.
  void evict(std::span<const Address> addresses, std::span<Result<bool>> evicted, Moment until);

 private:
  using Places = std::span<const std::size_t>;

  void seal_piece(std::span<const ObjectDraft> drafts, Places places, std::span<Result<Sealed>> sealed,
                  std::vector<std::size_t>& alone, Moment until);
  void write_claimed(std::span<const UnwrittenName> names, Places places, std::span<Result<void>> written,
                     Moment until);
  void evict_piece(std::span<const Address> addresses, Places places, std::span<Result<bool>> evicted,
                   std::vector<std::size_t>& alone, Moment until);
  void evict_keys(std::span<const Address> addresses, Places places, std::span<Result<bool>> evicted,
                  std::vector<std::size_t>& alone, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierWriter> writer_;
  const std::shared_ptr<CallPool> pool_;
};

}  // namespace locum
