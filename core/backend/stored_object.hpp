#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/backend/record_format.hpp"
#include "core/object/counted_board.hpp"
#include "core/ports/backend.hpp"

namespace locum {

/// An object as it was loaded from a backend: views of it keep the record's bytes in place.
class StoredObject final : public CountedBoard {
 public:
  /// REQUIRES: not shared yet. `facts` are those of `record`.
  StoredObject(LoadedRecord record, const StoredFacts& facts, const Key& key) noexcept;
  /// Of a record that another program has stored: its bytes.
  StoredObject(LoadedRecord record, const Key& key, std::string_view name);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin) const noexcept override;
  /// A view of it, which keeps it alive. REQUIRES: owned by `self`.
  [[nodiscard]] ObjectView view(const std::shared_ptr<StoredObject>& self) noexcept;

 private:
  const LoadedRecord record_;
  const std::string name_;  ///< where the record does not have it
  ObjectFacts facts_;
  std::span<const std::byte> payload_;
  std::uint64_t expires_ns_ = 0;
};

}  // namespace locum
