#include "mpi/checkpoint/outcome.hpp"

#include <cstddef>
#include <cstring>
#include <span>

#include "core/rpc/packed_error.hpp"

namespace locum {

std::vector<std::uint8_t> CheckpointOutcome::packed() const {
  std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(end)};
  if (error) {
    const std::int32_t rank = error->rank();
    const auto* const first = reinterpret_cast<const std::uint8_t*>(&rank);
    bytes.insert(bytes.end(), first, first + sizeof rank);
    for (const std::byte byte : pack(*error)) {
      bytes.push_back(static_cast<std::uint8_t>(byte));
    }
  }
  return bytes;
}

CheckpointOutcome CheckpointOutcome::heard(const Result<View<Words>>& told) {
  if (!told) {
    return {End::unknown, told.error()};
  }
  const std::span<const std::uint8_t> bytes(told->data(), told->size());
  std::int32_t rank = -1;
  if (bytes.size() == 1 && bytes[0] == static_cast<std::uint8_t>(End::complete)) {
    return {End::complete, std::nullopt};
  }
  if (bytes.size() <= 1 + sizeof rank || bytes[0] > static_cast<std::uint8_t>(End::unknown)) {
    return {End::unknown, Error(Errc::corrupt,
                                "the report of another rank on its checkpoint is damaged; let all ranks have "
                                "one version of the library")};
  }
  std::memcpy(&rank, bytes.data() + 1, sizeof rank);
  return {static_cast<End>(bytes[0]), unpack(std::as_bytes(bytes.subspan(1 + sizeof rank)), rank)};
}

}  // namespace locum
