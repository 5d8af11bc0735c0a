#include "transport/storage/direct_writes.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace locum::storage {

namespace {

// File systems over a network say it, too, of late, but wait for their servers in each of these writes.
bool is_on_local_disk(int file) noexcept {
  constexpr decltype(statfs::f_type) xfs = 0x58465342;
  struct statfs facts {};
  return ::fstatfs(file, &facts) == 0 && (facts.f_type == EXT4_SUPER_MAGIC || facts.f_type == xfs);
}

// A page of the cache that is written there and here at once would fail, which only whole pages rule out.
bool takes_blocks(int file) noexcept {
#ifdef STATX_DIOALIGN
  struct statx facts {};
  return ::sysconf(_SC_PAGESIZE) == static_cast<long>(DirectWrites::block_bytes) &&
         ::statx(file, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
         (facts.stx_mask & STATX_DIOALIGN) != 0 && facts.stx_dio_offset_align > 0 &&
         DirectWrites::block_bytes % facts.stx_dio_offset_align == 0 && facts.stx_dio_mem_align > 0 &&
         DirectWrites::block_bytes % facts.stx_dio_mem_align == 0;
#else
  (void)file;
  return false;
#endif
}

}  // namespace

void DirectWrites::Free::operator()(std::byte* memory) const noexcept {
  std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc): of aligned_alloc
}

DirectWrites::DirectWrites(const std::string& path) noexcept
    : file_(open_at(AT_FDCWD, path, O_WRONLY | O_DIRECT)) {
  bool works = file_.is_open() && is_on_local_disk(file_.number()) && takes_blocks(file_.number());
  for (Buffer& buffer : buffers_) {
    if (works) {
      buffer.memory.reset(static_cast<std::byte*>(std::aligned_alloc(block_bytes, most_bytes)));
      works = buffer.memory != nullptr;
    }
  }
  if (!works) {
    (void)file_.close();
  } else if (::syscall(SYS_io_setup, buffer_count, &queue_) != 0) {
    queue_ = 0;
  }
}

// Destroying a queue waits for what is in it.
DirectWrites::~DirectWrites() {
  if (queue_ != 0) {
    (void)::syscall(SYS_io_destroy, queue_);
  }
}

std::int64_t DirectWrites::write_some(std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  if (!works() || bytes.size() < least_bytes || offset % block_bytes != 0) {
    return 0;
  }
  Buffer* const buffer = free_buffer();
  if (error_ != 0) {
    return -error_;
  }
  buffer->offset = offset;
  buffer->bytes = std::min(bytes.size() / block_bytes * block_bytes, most_bytes);
  std::memcpy(buffer->memory.get(), bytes.data(), buffer->bytes);
  if (!begin(*buffer)) {
    write_rest(*buffer, 0);
  }
  return error_ != 0 ? -error_ : static_cast<std::int64_t>(buffer->bytes);
}

int DirectWrites::finish() noexcept {
  while (error_ == 0 && !std::ranges::all_of(buffers_, &Buffer::is_written)) {
    wait_for_one();
  }
  return error_;
}

DirectWrites::Buffer* DirectWrites::free_buffer() noexcept {
  for (;;) {
    const auto buffer = std::ranges::find_if(buffers_, &Buffer::is_written);
    if (buffer != buffers_.end()) {
      return &*buffer;
    }
    wait_for_one();
    if (error_ != 0) {
      return nullptr;
    }
  }
}

bool DirectWrites::begin(Buffer& buffer) noexcept {
  if (queue_ == 0) {
    return false;
  }
  ::iocb write{};
  write.aio_data = static_cast<std::uint64_t>(&buffer - buffers_.data());
  write.aio_lio_opcode = IOCB_CMD_PWRITE;
  write.aio_fildes = static_cast<std::uint32_t>(file_.number());
  write.aio_buf = reinterpret_cast<std::uintptr_t>(buffer.memory.get());
  write.aio_nbytes = buffer.bytes;
  write.aio_offset = static_cast<std::int64_t>(buffer.offset);
  ::iocb* const one = &write;
  buffer.is_written = ::syscall(SYS_io_submit, queue_, 1, &one) != 1;
  return !buffer.is_written;
}

void DirectWrites::wait_for_one() noexcept {
  ::io_event event{};
  long count = 0;
  do {
    count = ::syscall(SYS_io_getevents, queue_, 1, 1, &event, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count != 1) {
    error_ = count < 0 ? errno : EIO;
    return;
  }
  Buffer& buffer = buffers_.at(event.data);
  buffer.is_written = true;
  write_rest(buffer, event.res);
}

void DirectWrites::write_rest(Buffer& buffer, std::int64_t written) noexcept {
  std::size_t done = 0;
  for (;;) {
    if (written < 0 && written != -EINTR) {
      error_ = static_cast<int>(-written);
      return;
    }
    done += static_cast<std::size_t>(std::max<std::int64_t>(written, 0));
    if (done >= buffer.bytes) {
      return;
    }
    written = ::pwrite(file_.number(), buffer.memory.get() + done, buffer.bytes - done,
                       static_cast<::off_t>(buffer.offset + done));
    written = written < 0 ? -errno : written == 0 ? -ENOSPC : written;
  }
}

}  // namespace locum::storage
