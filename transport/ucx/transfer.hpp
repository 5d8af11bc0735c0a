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

/// Bulks up to this size are copied behind their letter, so that their sender never waits for them.
inline constexpr std::size_t copied_bytes = 256;

/// An open transfer: a message being sent, or a bulk being received. UCX holds a pointer to it, and reads the
/// letter from it, until it is done. Owned by its pool.
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
  std::uint64_t number = 0;           ///< the ticket, or the number of the landing
  std::span<const std::byte> letter;  ///< within `room`
  std::span<const std::byte> bulk;    ///< the sender's, or within `copy`
  RemoteMemory::Then then;            ///< of a read
  Letter room;
  std::array<std::byte, copied_bytes> copy;
};

/// Transfers in FIFO order.
using TransferQueue = IntrusiveList<Transfer>;

/// Allocates and recycles transfers: allocates only when more are open than ever before. Never shrinks.
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
