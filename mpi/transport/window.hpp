#pragma once

#include <mpi.h>

#include <cstddef>
#include <optional>
#include <span>

namespace locum::mpi {

/// An MPI window over memory of each rank of a communicator, locked for reads by all ranks until it is freed.
/// Move only.
class Window {
 public:
  /// Collective over `communicator`, which returns its errors; blocks until all ranks have joined. None: this
  /// MPI has no component for one-sided communication that serves these ranks (Open MPI 4.1 over TCP).
  [[nodiscard]] static std::optional<Window> over(std::span<std::byte> memory,
                                                  MPI_Comm communicator) noexcept;

  Window(Window&& other) noexcept;
  Window& operator=(Window&& other) = delete;
  /// Leaves it to MPI, unless free() was called.
  ~Window() = default;

  /// Begins a read of as many bytes as `into` has, at most most_bytes, at `displacement` of that rank's
  /// memory. False: MPI refuses.
  [[nodiscard]] bool get(int rank, std::size_t displacement, std::span<std::byte> into,
                         MPI_Request* request) const noexcept;
  /// Collective; blocks until all ranks have joined. REQUIRES: no read is under way.
  void free() noexcept;

  /// MPI counts in int.
  static constexpr std::size_t most_bytes = std::size_t{1} << 30U;

 private:
  explicit Window(MPI_Win window) noexcept : window_(window) {}

  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace locum::mpi
