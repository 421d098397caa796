/* The version, as in CMakeLists.txt. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define ADIEU_VERSION "0.1.0"

#endif
