#include "bench/shared_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace locum::bench {

SharedFile::SharedFile(std::uint64_t size_bytes) : size_bytes_(size_bytes) {
  const int file = ::open("/dev/shm", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size_bytes)) != 0) {
    const int number = errno;
    if (file >= 0) {
      ::close(file);
    }
    throw std::system_error(number, std::generic_category(), "an unnamed file in /dev/shm");
  }
  void* const mapped = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int number = errno;
  ::close(file);
  if (mapped == MAP_FAILED) {
    throw std::system_error(number, std::generic_category(), "mapping a file of /dev/shm");
  }
  base_ = static_cast<std::byte*>(mapped);
}

SharedFile::~SharedFile() {
  ::munmap(base_, size_bytes_);
}

}  // namespace locum::bench
