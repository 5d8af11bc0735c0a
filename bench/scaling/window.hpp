#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <string>

namespace scaling {

/// Memory of all ranks that each of them reads and writes by MPI alone: the raw twin of a store. Collective
/// over the communicator. An MPI that does not offer it is no error: see refusal().
class Window {
 public:
  /// A window of `members`, one of many groups of `all`, who agree whether each group has one.
  Window(MPI_Comm members, MPI_Comm all, std::size_t bytes_of_each);
  Window(MPI_Comm all, std::size_t bytes_of_each) : Window(all, all, bytes_of_each) {}
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window();

  /// Why there is no window; empty if there is one. The same on all ranks.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  /// The part of this rank.
  [[nodiscard]] std::span<std::byte> mine() const { return {base_, bytes_}; }
  /// Copies from the part of a member, and waits until the bytes are there.
  void get(int rank, std::size_t offset, std::span<std::byte> into);
  /// The same the other way.
  void put(int rank, std::size_t offset, std::span<const std::byte> from);
  /// Makes what this rank has stored in its part visible to the others.
  void sync();

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::string refusal_;
};

}  // namespace scaling
