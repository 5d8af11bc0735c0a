#include <locum/locum.hpp>

#include <iostream>

int main() {
  std::cout << "locum " << locum::version() << '\n';
  return locum::version().empty() ? 1 : 0;
}
