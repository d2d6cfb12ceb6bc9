# needs: /usr/bin/convert /usr/bin/identify
# quick
# trace: folded
# Images made, changed with OpenMP's threads, converted and compared.
PATH=/usr/bin:$PATH
convert -size 300x200 gradient:red-blue -swirl 90 -define png:exclude-chunks=date,time one.png
convert one.png -resize 50% -gaussian-blur 0x3 -rotate 30 -depth 8 two.ppm
md5sum two.ppm
convert one.png -negate -quality 80 -strip three.jpg
convert three.jpg four.gif
identify -format '%m %w %h %[mean]\n' one.png three.jpg four.gif
convert one.png two.ppm +append -format '%#\n' info:
convert missing.png out.png 2>/dev/null || echo "status $?"
rm ./*.png
