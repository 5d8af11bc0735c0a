#include "transport/storage/wrappers/line_file.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigtimedwait is not in <csignal>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace locum::storage {

namespace {

constexpr std::size_t longest_word = 256;

/// While it lives, a write to a pipe whose reader has left is an error, and no signal that ends the process.
class NoSignalOfPipes {
 public:
  NoSignalOfPipes() noexcept {
    ::sigemptyset(&pipes_);
    ::sigaddset(&pipes_, SIGPIPE);
    sigset_t pending{};
    was_pending_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipes_, &before_);
  }
  NoSignalOfPipes(const NoSignalOfPipes&) = delete;
  NoSignalOfPipes& operator=(const NoSignalOfPipes&) = delete;
  ~NoSignalOfPipes() {
    const timespec at_once{};
    while (!was_pending_ && ::sigtimedwait(&pipes_, nullptr, &at_once) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipes_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace

Result<LineFile> LineFile::open(const std::string& path) {
  // Without waiting for whoever is to read a pipe: the pipe's writer is refused if there is no reader.
  Descriptor file = path.empty() ? Descriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0))
                                 : open_at(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0600);
  if (!file.is_open()) {
    return system_error(path.empty() ? "standard error is closed; name a file for the lines"
                                     : "cannot append lines to the file '" + path + "'; name another one",
                        errno);
  }
  struct stat facts {};
  if (!path.empty() && (::fstat(file.number(), &facts) != 0 || !S_ISFIFO(facts.st_mode))) {
    static_cast<void>(::fcntl(file.number(), F_SETFL, O_WRONLY | O_APPEND));
  }
  return LineFile(std::move(file));
}

Result<void> LineFile::append(std::string line) const {
  const NoSignalOfPipes quiet;
  line += '\n';
  ssize_t written = 0;
  do {
    written = ::write(file_.number(), line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) {
    return system_error("a line could not be appended", errno);
  }
  return static_cast<std::size_t>(written) == line.size()
             ? Result<void>()
             : Error(Errc::system, "a line was appended in part: the disk is full");
}

std::string one_word(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string word;
  for (const char byte : name.substr(0, longest_word)) {
    if (byte > ' ' && byte <= '~' && byte != '%') {
      word += byte;
    } else {
      word += '%';
      word += digits[static_cast<unsigned char>(byte) >> 4U];
      word += digits[static_cast<unsigned char>(byte) & 0xFU];
    }
  }
  if (name.size() > longest_word) {
    word += "...";
  }
  return word.empty() ? "-" : word;
}

}  // namespace locum::storage
