#pragma once

#include <ucs/type/status.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/intrusive_list.hpp"
#include "core/ports/remote_memory.hpp"
#include "transport/ucx/envelope.hpp"

namespace locum::ucx {

class UcxTransport;

/// Bulks of at most this many bytes are copied behind their letter, so that their sender never waits for
/// them.
inline constexpr std::size_t copied_bytes = 256;

/// A message under way: one that is being sent, or one whose bulk is landing. UCX holds a pointer to it, and
/// reads the letter from it, until it is done. Owned by its pool.
struct Transfer : ListLink<Transfer> {
  enum class Kind : std::uint8_t {
    message,  ///< sent, without bulk or with a copied one: nobody waits for it
    bulk,     ///< sent, with a bulk that the sender waits for
    landing,
    read,  ///< of another rank's memory
  };

  UcxTransport* transport = nullptr;
  Kind kind = Kind::message;
  int peer = 0;
  ucs_status_t status = UCS_OK;
  std::uint64_t number = 0;           ///< the ticket, or that of the landing
  std::span<const std::byte> letter;  ///< within `room`
  std::span<const std::byte> bulk;    ///< the sender's, or within `copy`
  RemoteMemory::Then then;            ///< of a read
  Letter room;
  std::array<std::byte, copied_bytes> copy;
};

/// Transfers in the order in which they were put in.
using TransferQueue = IntrusiveList<Transfer>;

/// Where transfers come from and return to, so that a message allocates nothing once as many have been under
/// way at once before. Never shrinks.
class TransferPool {
 public:
  [[nodiscard]] Transfer& take() noexcept;
  void give_back(Transfer& transfer) noexcept;

 private:
  static constexpr std::size_t block_size = 32;

  std::vector<std::unique_ptr<Transfer[]>> blocks_;
  TransferQueue free_;
};

}  // namespace locum::ucx
