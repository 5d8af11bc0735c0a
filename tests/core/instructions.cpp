#include "tests/core/instructions.hpp"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace locum::tests {

#if defined(__x86_64__)

namespace {

constexpr unsigned char breakpoint = 0xCC;

/// The instruction that the child executes next: enough bytes for its prefixes and operation.
std::array<unsigned char, 8> code_at(pid_t child, std::uint64_t address) {
  std::array<unsigned char, 8> code{};
  const long word = ptrace(PTRACE_PEEKTEXT, child, reinterpret_cast<void*>(address), nullptr);
  std::memcpy(code.data(), &word, sizeof word);
  return code;
}

// By its prefix, or because it is an exchange with memory, which locks without one.
bool locks(const std::array<unsigned char, 8>& code) {
  std::size_t at = 0;
  for (; at + 2 < code.size(); ++at) {
    if (code[at] == 0xF0) {
      return true;
    }
    const bool prefix = code[at] == 0x66 || code[at] == 0x64 || (code[at] & 0xF0U) == 0x40;
    if (!prefix) {
      break;
    }
  }
  return (code[at] == 0x86 || code[at] == 0x87) && code[at + 1] < 0xC0;
}

bool calls_system(const std::array<unsigned char, 8>& code, const user_regs_struct& registers) {
  return code[0] == 0x0F && code[1] == 0x05 && registers.rax != SYS_clock_gettime;
}

/// Whether the child stopped at a breakpoint or after a step.
bool trapped(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

}  // namespace

std::string why_not_counted() {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || \
    defined(__SANITIZE_THREAD__)
  return "counted in the release build only";
#else
  return {};
#endif
}

Instructions instructions_of(const std::function<void(const std::function<void()>& mark)>& program) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
      _exit(1);
    }
    program([] { asm volatile("int3"); });
    _exit(0);
  }
  Instructions counted;
  bool ended = false;
  if (child > 0 && trapped(child)) {
    while (!ended) {
      user_regs_struct registers{};
      if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) {
        break;
      }
      const auto code = code_at(child, registers.rip);
      ended = code[0] == breakpoint;
      if (ended || ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || !trapped(child)) {
        break;
      }
      ++counted.all;
      counted.locked += locks(code) ? 1 : 0;
      counted.system_calls += calls_system(code, registers) ? 1 : 0;
    }
  }
  if (child > 0) {
    (void)kill(child, SIGKILL);
    (void)waitpid(child, nullptr, 0);
  }
  if (!ended) {
    throw std::runtime_error("the program to be counted ended before its second mark, or cannot be traced");
  }
  return counted;
}

#else

std::string why_not_counted() {
  return "counted on x86-64 only";
}

Instructions instructions_of(const std::function<void(const std::function<void()>& mark)>& /*program*/) {
  throw std::runtime_error(why_not_counted());
}

#endif

}  // namespace locum::tests
