#pragma once

#include <memory>
#include <utility>

#include "core/deadline.hpp"
#include "core/ports/connector.hpp"
#include "core/result.hpp"
#include "core/tier/background_writer.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/tier_writer.hpp"

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
  [[nodiscard]] Result<Sealed> publish(const ObjectDraft& draft, const Address& name,
                                       const SealOptions& options, Moment until);
  [[nodiscard]] Result<Sealed> put(const ObjectDraft& draft, const Address& name, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierWriter> writer_;
  const std::shared_ptr<BackgroundWriter> background_;
};

}  // namespace locum
