#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/object/counted_board.hpp"
#include "core/object/received_block.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Some contiguous bytes of an object: in private memory, or in place. Lives as long as views of it. Its
/// facts are those of the object; of a hyperslab, the extents are its own. Filled by one thread, then read by
/// any.
class ReceivedRange final : public CountedBoard {
 public:
  /// The first view of `bytes`, which arrived by `path`. \param facts of the object; of a hyperslab with its
  /// extents \param expires_ns 0: never, or the reply does not say
  [[nodiscard]] static ObjectView view(const ObjectFacts& facts, std::shared_ptr<ReceivedBlock> bytes,
                                       Path path, std::uint64_t expires_ns = 0);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t /*pin*/) const noexcept override {
    return expires_ns_;
  }

 private:
  ReceivedRange(const ObjectFacts& facts, std::shared_ptr<ReceivedBlock> bytes, Path path,
                std::uint64_t expires_ns)
      : CountedBoard(path),
        bytes_(std::move(bytes)),
        type_name_(facts.type_name),
        name_(facts.name),
        facts_(facts),
        expires_ns_(expires_ns) {}

  const std::shared_ptr<ReceivedBlock> bytes_;
  const std::string type_name_;
  const std::string name_;
  const ObjectFacts facts_;  ///< except the two texts
  const std::uint64_t expires_ns_;
};

/// The error if there is no memory for that many bytes.
[[nodiscard]] Error no_room_for(std::uint64_t bytes);

}  // namespace locum
