#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/name_claims.hpp"
#include "core/tier/tier_batch_writer.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/tier_writer.hpp"
#include "core/tier/unwritten_names.hpp"
#include "core/tier/write_back_queue.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Puts names into memory, and has them written to the backend in the background: see open_tier(). What may
/// not be unwritten, because it is too large or memory has no room for it, is written before the call
/// returns. Any thread.
class WriteBack {
 public:
  using Moment = TierWriter::Moment;

  WriteBack(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader,
            std::shared_ptr<TierWriter> writer, std::shared_ptr<TierBatchWriter> batch_writer,
            std::shared_ptr<WriteBackQueue> background)
      : parts_(std::move(parts)),
        reader_(std::move(reader)),
        writer_(std::move(writer)),
        batch_writer_(std::move(batch_writer)),
        background_(std::move(background)) {}

  /// As TierWriter::seal(). Waits while too much is unwritten. What replaces another object and has a
  /// lifetime is written before the return: if it expired before, the backend would show the older one again.
  [[nodiscard]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Moment until);
  /// Puts each, small ones in few requests.
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed, Moment until,
                  CallPool& pool);

 private:
  /// One of a batch that is about to be put.
  struct Putting {
    std::size_t at = 0;
    UnwrittenName name;
    std::uint64_t size_bytes = 0;
    std::optional<ObjectDraft> copy{};
  };

  [[nodiscard]] UnwrittenName name_of(const ObjectDraft& draft) const;
  void seal_piece(std::span<const ObjectDraft> drafts, std::span<const std::size_t> places,
                  std::span<Result<Sealed>> sealed, std::vector<std::size_t>& alone, Moment until);
  [[nodiscard]] std::vector<Putting> record(std::span<const ObjectDraft> drafts,
                                            std::span<const std::size_t> places,
                                            std::vector<std::size_t>& alone, Moment until);
  void put_claimed(std::span<const ObjectDraft> drafts, std::vector<Putting> claimed,
                   std::span<Result<Sealed>> sealed, std::vector<Putting>& without_room, Moment until);
  void forget(const Putting& one) noexcept;
  /// What has to be there before an object is in memory that is not written: a record, and of a put a claim.
  [[nodiscard]] Result<void> prepare(UnwrittenName& name, SealMode mode,
                                     std::optional<NameClaims::Held>& claim, Moment until);
  [[nodiscard]] std::optional<ObjectDraft> copy_if_scarce(const ObjectDraft& draft, Moment until);
  [[nodiscard]] std::optional<ObjectDraft> copy(const ObjectDraft& draft, Moment until);
  [[nodiscard]] Result<Sealed> publish(const ObjectDraft& draft, const Address& name,
                                       const SealOptions& options, Moment until);
  /// REQUIRES: there is a claim to the name.
  [[nodiscard]] Result<Sealed> put(const ObjectDraft& draft, const Address& name, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierWriter> writer_;
  const std::shared_ptr<TierBatchWriter> batch_writer_;
  const std::shared_ptr<WriteBackQueue> background_;
  std::atomic<Moment> last_full_{Moment::min()};
};

}  // namespace locum
