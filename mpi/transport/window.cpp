#include "mpi/transport/window.hpp"

#include <utility>

#include "mpi/error.hpp"

namespace locum::mpi {

std::optional<Window> Window::over(std::span<std::byte> memory, MPI_Comm communicator) noexcept {
  MPI_Win window = MPI_WIN_NULL;
  if (MPI_Win_create(memory.data(), static_cast<MPI_Aint>(memory.size()), 1, MPI_INFO_NULL, communicator,
                     &window) != MPI_SUCCESS) {
    return std::nullopt;
  }
  if (MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN) != MPI_SUCCESS ||
      MPI_Win_lock_all(MPI_MODE_NOCHECK, window) != MPI_SUCCESS) {
    return std::nullopt;
  }
  return Window(window);
}

Window::Window(Window&& other) noexcept : window_(std::exchange(other.window_, MPI_WIN_NULL)) {}

bool Window::get(int rank, std::size_t displacement, std::span<std::byte> into,
                 MPI_Request* request) const noexcept {
  const int size = static_cast<int>(into.size());
  return MPI_Rget(into.data(), size, MPI_BYTE, rank, static_cast<MPI_Aint>(displacement), size, MPI_BYTE,
                  window_, request) == MPI_SUCCESS;
}

void Window::free() noexcept {
  warn(MPI_Win_unlock_all(window_), "MPI_Win_unlock_all");
  warn(MPI_Win_free(&window_), "MPI_Win_free");
}

}  // namespace locum::mpi
