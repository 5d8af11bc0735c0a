#pragma once

#include <string>

namespace gray_scott {

/// Tells how far the run is: one line that is rewritten where standard output is a terminal, plain lines
/// elsewhere or where GRAY_SCOTT_PROGRESS=lines asks for them. Only the rank that prints is given a live one.
class Progress {
 public:
  explicit Progress(bool prints);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void show(const std::string& line);
  /// Ends the line that is rewritten, so that other output can follow.
  void finish();

 private:
  bool prints_;
  bool rewrites_;
  bool open_ = false;
};

}  // namespace gray_scott
