# needs: ffmpeg ffprobe
# trace: folded
# Encoders and filters with their threads, told to give the same bits every time.
exact='-fflags +bitexact -flags:v +bitexact -flags:a +bitexact'
ffmpeg -v error -f lavfi -i testsrc=duration=2:size=320x240:rate=25 -f lavfi -i sine=duration=2 \
    -c:v mpeg4 -threads 2 -c:a pcm_s16le $exact -y test.avi
ffprobe -v error -show_entries stream=codec_name,width,height,nb_frames -of compact test.avi
ffmpeg -v error -i test.avi -vf 'scale=160:120,hflip' -c:v ffv1 -threads 4 -slices 4 -an $exact -y test.mkv
ffmpeg -v error -i test.mkv -f framemd5 - | tail -n 3
ffmpeg -v error -i test.avi -vn -c:a flac $exact -f md5 -
ffmpeg -v error -i missing.avi -y out.avi 2>&1 || echo "status $?"
