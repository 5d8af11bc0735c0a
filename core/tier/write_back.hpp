#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "core/deadline.hpp"
#include "core/ports/connector.hpp"
#include "core/result.hpp"
#include "core/tier/background_writer.hpp"
#include "core/tier/name_claims.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/tier_writer.hpp"
#include "core/tier/unwritten_names.hpp"

namespace locum {

/// Puts names into memory, and has them written to the backend in the background: see open_tier(). What may
/// not be unwritten, because it is too large or memory has no room for it, is written before the call
/// returns. Any thread.
class WriteBack {
 public:
  using Moment = TierWriter::Moment;

  WriteBack(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader,
            std::shared_ptr<TierWriter> writer, std::shared_ptr<BackgroundWriter> background)
      : parts_(std::move(parts)),
        reader_(std::move(reader)),
        writer_(std::move(writer)),
        background_(std::move(background)) {}

  /// As TierWriter::seal(). Waits while too much is unwritten.
  [[nodiscard]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Moment until);

 private:
  /// What has to be there before an object is in memory that is not written: a record, and of a put a claim.
  [[nodiscard]] Result<void> prepare(UnwrittenName& name, SealMode mode,
                                     std::optional<NameClaims::Held>& claim, Moment until);
  [[nodiscard]] std::optional<ObjectDraft> copy_if_scarce(const ObjectDraft& draft, Moment until);
  [[nodiscard]] Result<Sealed> publish(const ObjectDraft& draft, const Address& name,
                                       const SealOptions& options, Moment until);
  /// REQUIRES: there is a claim to the name.
  [[nodiscard]] Result<Sealed> put(const ObjectDraft& draft, const Address& name, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierWriter> writer_;
  const std::shared_ptr<BackgroundWriter> background_;
  std::atomic<Moment> last_full_{Moment::min()};
};

}  // namespace locum
