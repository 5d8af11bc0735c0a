#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ports/group.hpp"

namespace locum::ucx {

/// The addresses of all ranks' workers, and the number that identifies messages of this runtime. Constant.
class Addresses {
 public:
  /// `mine`: the address of this rank's worker. Collective; throws the same Error on all ranks.
  Addresses(Group& group, std::span<const std::byte> mine);

  [[nodiscard]] int ranks() const noexcept { return static_cast<int>(sizes_.size()); }
  [[nodiscard]] std::span<const std::byte> of(int rank) const noexcept;
  [[nodiscard]] std::uint64_t session() const noexcept { return session_; }

 private:
  std::uint64_t session_ = 0;
  std::vector<std::size_t> sizes_;
  std::size_t stride_ = 0;
  std::vector<std::byte> bytes_;  ///< consecutive, each with room for the longest
};

}  // namespace locum::ucx
