#include "shm/segment/descriptor.hpp"

#include <unistd.h>

#include <utility>

namespace locum::shm {

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
Descriptor::~Descriptor() {
  if (open()) {
    ::close(number_);
  }
}

}  // namespace locum::shm
