#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/object/counted_board.hpp"
#include "core/object/object_record.hpp"
#include "core/ports/object_spill.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The block of an object on disk, in private memory of this process: for a reader whose node has no room for
/// it. Lives as long as views of it.
class DiskCopy final : public CountedBoard {
 public:
  /// Blocks for the disk. `out_of_memory`: this process has no memory. REQUIRES: pinned during the call, and
  /// not in memory when it was.
  [[nodiscard]] static Result<std::shared_ptr<DiskCopy>> read(ObjectSpill& spill, const Pin& pin);
  explicit DiskCopy(const Pin& pin) noexcept;

  [[nodiscard]] std::span<const std::byte> block() const noexcept { return {block_.get(), bytes_}; }
  /// Once, the first view.
  [[nodiscard]] static ObjectView view(std::shared_ptr<DiskCopy> copy);
  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin) const noexcept override;

 private:
  struct Free {
    std::uint64_t bytes;
    void operator()(std::byte* block) const noexcept;
  };

  const Key key_;
  const ObjectRecord record_;
  const std::uint64_t generation_;
  const std::uint64_t bytes_;
  std::unique_ptr<std::byte, Free> block_{nullptr, {0}};
};

/// Makes the payload of a pinned object readable that was not in memory when it was pinned. Null: it is in
/// memory now. Else a copy: the node has no room for it. Errors: see ObjectSpill::bring_back(). `spill` may
/// be null, of a node without a disk.
[[nodiscard]] Result<std::shared_ptr<DiskCopy>> from_disk(ObjectSpill* spill, const Pin& pin,
                                                          WaitBudget budget);

}  // namespace locum
