#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "core/ports/transport.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Grants other ranks access to exposed memory: opaque bytes of the implementation that made them. They
/// travel in messages, and are not trusted on receipt.
class RemoteKey {
 public:
  static constexpr std::size_t max_bytes = 256;

  RemoteKey() = default;
  /// REQUIRES: at most max_bytes; the rest is cut off.
  explicit RemoteKey(std::span<const std::byte> bytes) noexcept : size_(std::min(bytes.size(), max_bytes)) {
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }

 private:
  std::size_t size_ = 0;
  std::array<std::byte, max_bytes> bytes_{};
};

/// Memory of one rank that other ranks read *one-sidedly*, without its help. Opened together with a Transport
/// of the same ranks, and closed before it. expose(), withdraw() and get() do not wait, and may be called
/// only by the thread that may call its progress(); reads() by any thread.
///
/// A rank that exposes memory must not change it while another rank may read it, and has to agree on that
/// with the reader: it is not notified of reads. A read after withdraw() gives an error or arbitrary bytes.
class RemoteMemory {
 public:
  struct Exposure {
    std::uint64_t number = 0;  ///< for withdraw()
    RemoteKey key;             ///< for get() at other ranks
  };
  /// Called once, within a progress() of the transport: the bytes have arrived, or their memory is no longer
  /// written. May call get(), expose() and withdraw(), and send() and forget() of the transport.
  using Then = std::function<void(const Result<void>& outcome)>;

  RemoteMemory() = default;
  RemoteMemory(const RemoteMemory&) = delete;
  RemoteMemory& operator=(const RemoteMemory&) = delete;
  virtual ~RemoteMemory() = default;

  /// Makes `memory` readable for other ranks until withdraw(). `unsupported`: no lane supports one-sided
  /// reads of it; `out_of_memory`: the device cannot register more.
  [[nodiscard]] virtual Result<Exposure> expose(std::span<const std::byte> memory) = 0;
  /// Ends an exposure. Called only when no rank reads it any more, or readers discard the bytes that they
  /// read.
  virtual void withdraw(std::uint64_t number) noexcept = 0;
  /// Reads from the memory that rank `from` exposed under `key`, at `offset`, as many bytes as `into` has;
  /// `into` must stay until the outcome is known. `done`: the bytes have arrived, `then` will not be called.
  /// Errors, returned or passed to `then`: `unsupported` (reads() is false), `invalid_argument` (not a key of
  /// that rank, or of less memory), `stale` (withdrawn, where that is detected), `peer_lost`,
  /// `out_of_memory`, `timeout`.
  [[nodiscard]] virtual Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                            std::span<std::byte> into, Then then) = 0;
  /// Returns whether memory of that rank, if it can be exposed at all, is read without its help. False for
  /// this rank.
  [[nodiscard]] virtual bool reads(int rank) const noexcept = 0;
};

}  // namespace locum
