#include "bench/scaling/window.hpp"

#include <cstring>
#include <exception>
#include <stdexcept>

namespace scaling {

namespace {

[[nodiscard]] std::string text_of(int error) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(error, text, &length);
  return {text, static_cast<std::size_t>(length)};
}

void check(int error, const char* call) {
  if (error != MPI_SUCCESS) {
    throw std::runtime_error(std::string(call) + ": " + text_of(error));
  }
}

}  // namespace

Window::Window(MPI_Comm members, MPI_Comm all, std::size_t bytes_of_each) : bytes_(bytes_of_each) {
  MPI_Comm_set_errhandler(members, MPI_ERRORS_RETURN);
  void* base = nullptr;
  int error =
      MPI_Win_allocate(static_cast<MPI_Aint>(bytes_of_each), 1, MPI_INFO_NULL, members, &base, &window_);
  if (error == MPI_SUCCESS) {
    base_ = static_cast<std::byte*>(base);
    MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN);
    error = MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
  }
  if (error == MPI_SUCCESS) {
    // Some networks refuse only the first transfer.
    std::memset(base_, 0, bytes_);
    std::byte word[sizeof(double)];
    int rank = 0;
    int size = 1;
    MPI_Comm_rank(members, &rank);
    MPI_Comm_size(members, &size);
    const int next = (rank + 1) % size;
    error = MPI_Get(word, sizeof word, MPI_BYTE, next, 0, sizeof word, MPI_BYTE, window_);
    error = error == MPI_SUCCESS ? MPI_Win_flush(next, window_) : error;
  }
  int worst = error;
  MPI_Allreduce(&error, &worst, 1, MPI_INT, MPI_MAX, all);
  if (worst != MPI_SUCCESS) {
    refusal_ = "MPI offers no window here (" + text_of(error != MPI_SUCCESS ? error : worst) + ')';
  }
}

Window::~Window() {
  // One that is half made may not be freed by all ranks; nor does an error of one rank bring all of them
  // here.
  if (window_ == MPI_WIN_NULL || !refusal_.empty() || std::uncaught_exceptions() > 0) {
    return;
  }
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void Window::get(int rank, std::size_t offset, std::span<std::byte> into) {
  const int bytes = static_cast<int>(into.size());
  check(MPI_Get(into.data(), bytes, MPI_BYTE, rank, static_cast<MPI_Aint>(offset), bytes, MPI_BYTE, window_),
        "MPI_Get");
  check(MPI_Win_flush(rank, window_), "MPI_Win_flush");
}

void Window::put(int rank, std::size_t offset, std::span<const std::byte> from) {
  const int bytes = static_cast<int>(from.size());
  check(MPI_Put(from.data(), bytes, MPI_BYTE, rank, static_cast<MPI_Aint>(offset), bytes, MPI_BYTE, window_),
        "MPI_Put");
  check(MPI_Win_flush(rank, window_), "MPI_Win_flush");
}

void Window::sync() {
  check(MPI_Win_sync(window_), "MPI_Win_sync");
}

}  // namespace scaling
