#include "mpi/error.hpp"

#include <mpi.h>

#include <array>
#include <cstdio>

namespace locum::mpi {

namespace {

using Text = std::array<char, MPI_MAX_ERROR_STRING + 1>;

Text text_of(int code) noexcept {
  Text text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS || length == 0) {
    std::snprintf(text.data(), text.size(), "MPI error %d, unknown to MPI", code);
  }
  return text;
}

}  // namespace

std::string error_text(int code) {
  return text_of(code).data();
}

void check(int code, const char* call) {
  if (code != MPI_SUCCESS) {
    throw Error(Errc::system, std::string(call) + " failed", error_text(code));
  }
}

void warn(int code, const char* call) noexcept {
  if (code != MPI_SUCCESS) {
    std::fprintf(stderr, "locum: %s failed (%s)\n", call, text_of(code).data());
  }
}

const char* why_unusable() noexcept {
  int initialised = 0;
  int finalised = 0;
  MPI_Initialized(&initialised);
  MPI_Finalized(&finalised);
  if (initialised == 0) {
    return "MPI is not initialised";
  }
  if (finalised != 0) {
    return "MPI is already finalised";
  }
  int level = MPI_THREAD_SINGLE;
  int main_thread = 0;
  MPI_Query_thread(&level);
  MPI_Is_thread_main(&main_thread);
  if (level <= MPI_THREAD_FUNNELED && main_thread == 0) {
    return "this is not the thread that initialised MPI, and MPI's thread level is below "
           "MPI_THREAD_SERIALIZED";
  }
  return nullptr;
}

}  // namespace locum::mpi
